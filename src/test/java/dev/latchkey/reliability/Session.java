package dev.latchkey.reliability;

import dev.latchkey.reliability.Call.Outcome;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;

/** A session as its holders know it, with the history of all calls; several may be under way. */
final class Session {

    final UUID id;
    private final Queue<Call> history = new ConcurrentLinkedQueue<>();
    private final List<String> tokens = new ArrayList<>();
    private String accessToken;
    private boolean stolen;
    private boolean ended;

    Session(UUID id) {
        this.id = id;
    }

    void record(Call call) {
        history.add(call);
    }

    /** All calls so far, in the order of their starts. */
    List<Call> history() {
        return history.stream().sorted(Comparator.comparingLong(Call::start)).toList();
    }

    /**
     * Takes what came back, unless something newer came before.
     *
     * @return how many generations it brought the session forward
     */
    int take(Answered answered) {
        Call call = answered.call();
        if (call.outcome() == Outcome.REFUSED) {
            ended = true;
        }
        int newest = tokens.isEmpty() ? 0 : Call.generation(token());
        if (call.handed() == null || !tokens.isEmpty() && call.brought() <= newest) {
            return 0;
        }
        tokens.add(call.handed());
        accessToken = answered.accessToken();
        return call.brought() - newest;
    }

    /** What a client gets: the call as it is recorded, and the access token, if one came with it. */
    record Answered(Call call, String accessToken) {}

    /** The newest refresh token. */
    String token() {
        return tokens.get(tokens.size() - 1);
    }

    String firstToken() {
        return tokens.get(0);
    }

    String anyToken(Random random) {
        return tokens.get(random.nextInt(tokens.size()));
    }

    String accessToken() {
        return accessToken;
    }

    /** Whether a refusal told its owner so. */
    boolean ended() {
        return ended;
    }

    void markStolen() {
        stolen = true;
    }

    /** Whether it was taken for stolen since a lost answer was asked for again too late. */
    boolean retriedTooLate() {
        return !stolen && history.stream().anyMatch(call -> call.refused("token_reused"));
    }

    /** What happened, one line a call. */
    String story() {
        List<Call> calls = history();
        StringBuilder story = new StringBuilder("session ").append(id);
        calls.forEach(
                call -> story.append("\n    ").append(call.line(calls.get(0).start())));
        return story.toString();
    }
}
