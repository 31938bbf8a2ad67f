package dev.latchkey.reliability;

import dev.latchkey.reliability.Call.Kind;
import dev.latchkey.reliability.Call.Outcome;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What the clients of one session may see, whatever happens to the service: DESIGN's invariants from outside. A call takes
 * effect at some moment between its start and its end, and one that was not answered at any moment after its start, or never.
 * So each rule speaks of what is certain, or of what is possible, in view of all calls.
 */
final class Rules {

    static final String SIBLINGS = "two tokens of one generation";
    static final String BACKWARDS = "an answer brought no newer token than the one presented";
    static final String WITHOUT_CAUSE = "a token brought was never rotated into by anybody's call";
    static final String OLD_HEAD = "an answer brought an older token than one that came before it began";
    static final String MISSED_REUSE = "a token rotated longer ago than the retry window was accepted";
    static final String ALIVE_AFTER_END = "it works after its end was answered";
    static final String FALSE_THEFT =
            "taken for a thief, although nobody had presented the token longer ago than the retry window";
    static final String SECOND_THEFT = "a session ended as stolen a second time";
    static final String ENDED_WITHOUT_CAUSE = "the session has ended, and no call can have ended it";
    static final String UNEXPECTED = "an answer that no client should see";

    private final long window;

    Rules(Duration retryWindow) {
        this.window = retryWindow.toNanos();
    }

    /** Whether a theft has to be, may be, or must not be in the audit log. */
    enum Theft {
        CERTAIN,
        POSSIBLE,
        NONE
    }

    /**
     * @param violations a rule's sentence and the call that breaks it
     * @param replays answers with a token that had been brought before
     */
    record Verdict(List<String> violations, Theft theft, int replays) {}

    /** Judges all calls of one session, in any order. */
    Verdict judge(List<Call> calls) {
        return new OneSession(calls).judge();
    }

    private final class OneSession {

        private final List<Call> calls;
        private final List<String> violations = new ArrayList<>();

        OneSession(List<Call> calls) {
            this.calls =
                    calls.stream().sorted(Comparator.comparingLong(Call::start)).toList();
        }

        Verdict judge() {
            Map<Integer, String> tokens = new HashMap<>();
            int brought = 0;
            for (Call call : calls) {
                if (call.handed() != null) {
                    brought++;
                    String other = tokens.putIfAbsent(call.brought(), call.handed());
                    demand(other == null || other.equals(call.handed()), SIBLINGS, call);
                }
                judge(call);
            }
            demandOneTheft();
            return new Verdict(violations, theft(), brought - tokens.size());
        }

        private void judge(Call call) {
            switch (call.outcome()) {
                case DONE -> {
                    if (call.kind() == Kind.REFRESH) {
                        judgeGrant(call);
                    }
                    boolean needsLife = call.kind() != Kind.LOGOUT && call.kind() != Kind.LOGOUT_ELSEWHERE;
                    demand(!needsLife || !certainlyEndedBefore(call.start()), ALIVE_AFTER_END, call);
                }
                case REFUSED -> judgeRefusal(call);
                case WRONG -> demand(false, UNEXPECTED, call);
                case LATER, LOST -> {}
            }
        }

        private void judgeGrant(Call call) {
            demand(call.brought() > call.presented(), BACKWARDS, call);
            for (int generation = call.presented(); generation < call.brought(); generation++) {
                demand(presentedBefore(generation, call.end()), WITHOUT_CAUSE, call);
            }
            demand(
                    calls.stream().noneMatch(other -> other.end() < call.start() && other.brought() > call.brought()),
                    OLD_HEAD,
                    call);
            demand(call.start() <= certainlyRotated(call.presented()) + window, MISSED_REUSE, call);
        }

        private void judgeRefusal(Call call) {
            switch (call.kind() + " " + call.code()) {
                case "REFRESH token_reused" -> {
                    demand(maybeReuse(call, call.end()), FALSE_THEFT, call);
                    demand(!certainlyEndedBefore(call.start()), SECOND_THEFT, call);
                }
                case "REFRESH token_revoked", "ME session_ended", "LOGOUT_ALL session_ended" ->
                    demand(maybeEndedBefore(call.end()), ENDED_WITHOUT_CAUSE, call);
                default -> demand(false, UNEXPECTED, call);
            }
        }

        private void demandOneTheft() {
            calls.stream()
                    .filter(call -> call.refused("token_reused"))
                    .skip(1)
                    .forEach(call -> demand(false, SECOND_THEFT, call));
        }

        private boolean presentedBefore(int generation, long moment) {
            return refreshes(generation).stream().anyMatch(call -> call.start() < moment);
        }

        /** By when a token has been rotated: a later one was brought. Far in the future if that is not known. */
        private long certainlyRotated(int generation) {
            return calls.stream()
                    .filter(call -> call.brought() > generation)
                    .mapToLong(Call::end)
                    .min()
                    .orElse(Long.MAX_VALUE / 2);
        }

        /** Whether the call may have presented, before a moment, a token that was rotated longer ago than the window. */
        private boolean maybeReuse(Call call, long moment) {
            long before = (call.open() ? moment : Math.min(call.end(), moment)) - window;
            return refreshes(call.presented()).stream()
                    .anyMatch(other -> other != call && other.outcome() != Outcome.REFUSED && other.start() < before);
        }

        private List<Call> refreshes(int generation) {
            return calls.stream()
                    .filter(call -> call.kind() == Kind.REFRESH && call.presented() == generation)
                    .toList();
        }

        private boolean maybeEndedBefore(long moment) {
            return calls.stream().anyMatch(call -> maybeEnds(call, moment));
        }

        private boolean maybeEnds(Call call, long moment) {
            return call.start() < moment
                    && switch (call.kind()) {
                        case LOGOUT, LOGOUT_ALL, LOGOUT_ELSEWHERE -> true;
                        case REFRESH -> call.outcome() != Outcome.DONE && maybeReuse(call, moment);
                        case REGISTER, LOGIN, ME -> false;
                    };
        }

        private boolean certainlyEndedBefore(long moment) {
            return calls.stream()
                    .filter(call -> call.end() < moment)
                    .anyMatch(call -> call.outcome() == Outcome.REFUSED
                            || call.is(Kind.LOGOUT, Outcome.DONE)
                            || call.is(Kind.LOGOUT_ALL, Outcome.DONE)
                            || call.is(Kind.LOGOUT_ELSEWHERE, Outcome.DONE));
        }

        private Theft theft() {
            if (calls.stream().anyMatch(call -> call.refused("token_reused") || certainReuseAtLogout(call))) {
                return Theft.CERTAIN;
            }
            return calls.stream().anyMatch(this::maybeUnseenReuse) ? Theft.POSSIBLE : Theft.NONE;
        }

        /** A logout with a token that was rotated long ago is recorded as reuse, but not answered so. */
        private boolean certainReuseAtLogout(Call call) {
            return call.is(Kind.LOGOUT, Outcome.DONE)
                    && call.start() > certainlyRotated(call.presented()) + window
                    && calls.stream().noneMatch(other -> other != call && maybeEnds(other, call.end()));
        }

        private boolean maybeUnseenReuse(Call call) {
            return (call.kind() == Kind.LOGOUT || call.kind() == Kind.REFRESH && call.outcome() != Outcome.DONE)
                    && maybeReuse(call, Long.MAX_VALUE);
        }

        private void demand(boolean kept, String rule, Call call) {
            if (!kept) {
                violations.add(rule + ": " + call.line(calls.get(0).start()));
            }
        }
    }
}
