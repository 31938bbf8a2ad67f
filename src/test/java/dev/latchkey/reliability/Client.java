package dev.latchkey.reliability;

import dev.latchkey.reliability.Call.Kind;
import dev.latchkey.reliability.Call.Outcome;
import dev.latchkey.reliability.Session.Answered;
import dev.latchkey.testing.Api;
import io.vertx.core.json.JsonObject;
import java.net.ConnectException;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Supplier;

/** A user with one session after the other: what an application does, what goes wrong on its way, and what thieves do. */
final class Client implements Runnable {

    private record Later(long at, Runnable what) {}

    private static final int MOST_TABS = 5;
    /** In steps; {@code -Dlatchkey.session=600} is for the long form, since logins take most of the time. */
    private static final int LONGEST_SESSION = Integer.getInteger("latchkey.session", 120);

    private static final long PAUSE_MILLIS = 100;
    private static final Duration MOST_PATIENCE = Duration.ofSeconds(10);

    private final Clients all;
    private final Duration retryWindow;
    private final Random random;
    private final String email = "client-" + UUID.randomUUID() + "@example.org";

    /** What is to be done with sessions that were left alone, when the retry window is over; in the order of time. */
    private final Deque<Later> ripening = new ArrayDeque<>();

    /** Nothing has ended them; they are tried once more at the end. */
    private final List<Session> alive = new ArrayList<>();

    private final Queue<Session> unsettled = new ConcurrentLinkedQueue<>();

    Client(Clients all, Duration retryWindow, Random random) {
        this.all = all;
        this.retryWindow = retryWindow;
        this.random = random;
    }

    @Override
    public void run() {
        JsonObject user = new JsonObject().put("email", email).put("password", Api.PASSWORD);
        enter(Kind.REGISTER, "/api/auth/register", user);
        while (!all.over()) {
            play(logIn(user));
            doWhatIsRipe(false);
        }
        doWhatIsRipe(true);
        alive.forEach(session -> {
            refresh(session, session.token());
            settle(session);
        });
    }

    private void doWhatIsRipe(boolean waitForIt) {
        while (!ripening.isEmpty() && (waitForIt || ripening.peek().at() < System.nanoTime())) {
            Later next = ripening.remove();
            Clients.sleep(Math.max(0, TimeUnit.NANOSECONDS.toMillis(next.at() - System.nanoTime()) + 1));
            next.what().run();
        }
    }

    private void whenWindowIsOver(Runnable what) {
        ripening.add(new Later(System.nanoTime() + retryWindow.toNanos() + 50_000_000, what));
    }

    private Session logIn(JsonObject user) {
        long start = System.nanoTime();
        JsonObject answer = enter(Kind.LOGIN, "/api/auth/login", user);
        Session session = new Session(UUID.fromString(answer.getString("session_id")));
        String token = answer.getString("refresh_token");
        Call call = new Call(Kind.LOGIN, -1, start, System.nanoTime(), Outcome.DONE, null, token);
        session.record(call);
        unsettled.add(session);
        session.take(new Answered(call, answer.getString("access_token")));
        return session;
    }

    /** Asks until it is done; whatever came instead is seen. That many passwords wait may happen at any time. */
    private JsonObject enter(Kind kind, String path, JsonObject user) {
        while (true) {
            long start = System.nanoTime();
            HttpResponse<String> response =
                    all.send(path, user, null).exceptionally(failure -> null).join();
            Answered answered = read(kind, -1, start, response);
            boolean crowded = answered.call().outcome() == Outcome.LATER
                    && response.body().contains("\"overloaded\"");
            if (!crowded) {
                all.saw(answered.call());
            }
            if (answered.call().outcome() == Outcome.DONE) {
                return new JsonObject(response.body());
            }
            if (!answered.call().open()) {
                throw new IllegalStateException(answered.call().line(start));
            }
            Clients.sleep(PAUSE_MILLIS);
        }
    }

    private void play(Session session) {
        int steps = 1 + random.nextInt(1 + random.nextInt(LONGEST_SESSION)); // more short ones than long ones
        for (int i = 0; i < steps && !session.ended(); i++) {
            step(session);
        }
        if (!session.ended()) {
            leave(session);
        } else {
            afterEnd(session);
        }
    }

    private void step(Session session) {
        int dice = random.nextInt(100);
        if (dice < 80) {
            refresh(session, session.token());
        } else if (dice < 87) {
            refreshInTabs(session);
        } else if (dice < 92) {
            presentOld(session);
        } else if (dice < 97) {
            loseAnswer(session);
        } else {
            insist(() -> call(session, Kind.ME, session.accessToken()));
        }
    }

    /** The usual thing: once more, until there is an answer. */
    private void refresh(Session session, String token) {
        take(session, insist(() -> call(session, Kind.REFRESH, token)));
    }

    private void take(Session session, Answered answered) {
        all.rotated(session.take(answered));
    }

    private void refreshInTabs(Session session) {
        List<CompletableFuture<Answered>> tabs = new ArrayList<>();
        for (int i = 0; i < 2 + random.nextInt(MOST_TABS - 1); i++) {
            tabs.add(call(session, Kind.REFRESH, session.token()));
        }
        tabs.forEach(tab -> take(session, tab.join()));
    }

    /** A slow tab: a token from before, still inside its retry window. */
    private void presentOld(Session session) {
        String token = session.token();
        long start = System.nanoTime();
        refresh(session, token);
        if (System.nanoTime() - start < retryWindow.toNanos() / 4) {
            take(session, call(session, Kind.REFRESH, token).join());
        }
    }

    /** The client hangs up before the answer is there, and asks again. */
    private void loseAnswer(Session session) {
        String token = session.token();
        long start = System.nanoTime();
        CompletableFuture<HttpResponse<String>> sent = all.sendAndMaybeHangUp("/api/auth/refresh", body(token));
        pause(4_000_000);
        sent.cancel(true);
        session.record(
                new Call(Kind.REFRESH, Call.generation(token), start, System.nanoTime(), Outcome.LOST, null, null));
        refresh(session, token);
    }

    private static JsonObject body(String refreshToken) {
        return new JsonObject().put("refresh_token", refreshToken);
    }

    /** A random while, at most so many nanoseconds. */
    private void pause(int most) {
        LockSupport.parkNanos(random.nextInt(most));
    }

    private void leave(Session session) {
        int dice = random.nextInt(100);
        if (dice < 40) {
            logOutInTheMiddle(session);
        } else if (dice < 50) {
            logOutEverywhere(session);
        } else if (dice < 60) {
            stealAndRefresh(session);
        } else if (dice < 70) {
            stealOld(session);
        } else if (dice < 75) {
            whenWindowIsOver(() -> {
                insist(() -> call(session, Kind.LOGOUT, session.firstToken()));
                afterEnd(session);
            });
        } else {
            alive.add(session);
        }
    }

    private void logOutInTheMiddle(Session session) {
        String token = session.token();
        CompletableFuture<Answered> refresh = call(session, Kind.REFRESH, token);
        pause(2_000_000);
        insist(() -> call(session, Kind.LOGOUT, token));
        take(session, refresh.join());
        afterEnd(session);
    }

    private void logOutEverywhere(Session session) {
        Answered answered = insist(() -> call(session, Kind.LOGOUT_ALL, session.accessToken()));
        afterEnd(session);
        if (answered.call().outcome() == Outcome.DONE) {
            alive.forEach(this::afterEnd);
            alive.clear();
        }
    }

    /** The thief is faster; the owner finds out when the retry window is over. */
    private void stealAndRefresh(Session session) {
        session.markStolen();
        String stolen = session.token();
        refresh(session, stolen);
        whenWindowIsOver(() -> {
            insist(() -> call(session, Kind.REFRESH, stolen));
            afterEnd(session);
        });
    }

    /** The thief comes late, with a token that was rotated long ago. */
    private void stealOld(Session session) {
        session.markStolen();
        whenWindowIsOver(() -> {
            insist(() -> call(session, Kind.REFRESH, session.anyToken(random)));
            afterEnd(session);
        });
    }

    /** Whatever is tried with it now, the rules tell whether it may work. */
    private void afterEnd(Session session) {
        insist(() -> call(session, Kind.REFRESH, session.token()));
        insist(() -> call(session, Kind.ME, session.accessToken()));
        insist(() -> call(session, Kind.REFRESH, session.anyToken(random)));
        settle(session);
    }

    private void settle(Session session) {
        unsettled.remove(session);
        all.settled(session);
    }

    /** Asks until there is an answer. If the end has come, and there is still none, something is wrong with the service. */
    private Answered insist(Supplier<CompletableFuture<Answered>> attempt) {
        long start = System.nanoTime();
        Answered answered = attempt.get().join();
        while (answered.call().open() && !(all.over() && System.nanoTime() - start > MOST_PATIENCE.toNanos())) {
            Clients.sleep(PAUSE_MILLIS);
            answered = attempt.get().join();
        }
        return answered;
    }

    private CompletableFuture<Answered> call(Session session, Kind kind, String token) {
        long start = System.nanoTime();
        CompletableFuture<HttpResponse<String>> sent =
                switch (kind) {
                    case REFRESH -> all.send("/api/auth/refresh", body(token), null);
                    case LOGOUT -> all.send("/api/auth/logout", body(token), null);
                    case LOGOUT_ALL -> all.send("/api/auth/logout-all", null, token);
                    case ME -> all.send("/api/auth/me", null, token);
                    case REGISTER, LOGIN, LOGOUT_ELSEWHERE -> throw new IllegalArgumentException();
                };
        int presented = kind == Kind.REFRESH || kind == Kind.LOGOUT ? Call.generation(token) : -1;
        return sent.handle((response, failure) -> {
            Answered answered = read(kind, presented, start, response);
            if (!neverSent(failure)) {
                record(session, answered.call());
            }
            all.saw(answered.call());
            return answered;
        });
    }

    /** A logout everywhere is a matter of all sessions of the user, unless it was refused. */
    private void record(Session session, Call call) {
        session.record(call);
        if (call.kind() == Kind.LOGOUT_ALL && call.outcome() != Outcome.REFUSED) {
            unsettled.stream().filter(each -> each != session).forEach(each -> each.record(call.elsewhere()));
        }
    }

    private Answered read(Kind kind, int presented, long start, HttpResponse<String> response) {
        long end = System.nanoTime();
        if (response == null) {
            return new Answered(new Call(kind, presented, start, end, Outcome.LOST, null, null), null);
        }
        int status = response.statusCode();
        if (status == 200 && kind == Kind.REFRESH) {
            JsonObject json = new JsonObject(response.body());
            return new Answered(
                    new Call(kind, presented, start, end, Outcome.DONE, null, json.getString("refresh_token")),
                    json.getString("access_token"));
        }
        Outcome outcome = status == 409 && kind == Kind.REGISTER ? Outcome.DONE : outcome(status, response);
        String code = outcome == Outcome.DONE ? null : status + " " + response.body();
        if (outcome == Outcome.REFUSED) {
            code = new JsonObject(response.body()).getString("code");
        }
        return new Answered(new Call(kind, presented, start, end, outcome, code, null), null);
    }

    private static Outcome outcome(int status, HttpResponse<String> response) {
        return switch (status) {
            case 200, 201, 204 -> Outcome.DONE;
            case 401 -> Outcome.REFUSED;
            case 502, 504 -> Outcome.LATER; // of a proxy
            case 503 -> response.headers().firstValue("Retry-After").isPresent() ? Outcome.LATER : Outcome.WRONG;
            default -> Outcome.WRONG;
        };
    }

    private static boolean neverSent(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        return cause instanceof ConnectException;
    }
}
