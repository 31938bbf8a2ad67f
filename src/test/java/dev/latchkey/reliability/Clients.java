package dev.latchkey.reliability;

import dev.latchkey.reliability.Call.Outcome;
import dev.latchkey.reliability.Rules.Theft;
import dev.latchkey.reliability.Rules.Verdict;
import dev.latchkey.testing.OneDatabase;
import io.vertx.core.json.JsonObject;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;

/**
 * Users of the service, many at once: they log in, refresh, retry what got no answer, refresh in several tabs at once, log out,
 * and are stolen from. All that they see is recorded and held against the {@link Rules}, session by session, as soon as a session is over;
 * at the end also against the audit log.
 */
final class Clients implements AutoCloseable {

    /** So long after the end of what was done to the service it may still say "later". */
    static final Duration RECOVERY = Duration.ofSeconds(5);

    /** {@code -Dlatchkey.clients=48} is for the long form. */
    private static final int CLIENTS = Integer.getInteger("latchkey.clients", 16);

    private static final int MOST_SHOWN = 10;
    private static final int MOST_KEPT = 1000;

    /** Many passwords at once, on a service that has just started, take long where other programs run, too. */
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final HttpClient http = newHttpClient();
    private final HttpClient rude = newHttpClient();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Future<?>> running = new ArrayList<>();
    private final AtomicBoolean over = new AtomicBoolean();

    private final List<String> bases;
    private final Rules rules;
    private final long begun = System.nanoTime();
    private final long seed = begun;

    private final LongAdder sessions = new LongAdder();
    private final LongAdder calls = new LongAdder();
    private final AtomicLong rotations = new AtomicLong();
    private final LongAdder replays = new LongAdder();
    private final LongAdder later = new LongAdder();
    private final LongAdder lost = new LongAdder();
    private final LongAdder latelyRetried = new LongAdder();
    private final Map<UUID, Theft> thefts = new ConcurrentHashMap<>();
    private final Queue<String> violations = new ConcurrentLinkedQueue<>();
    private final Queue<Call> unanswered = new ConcurrentLinkedQueue<>();
    private final List<Fault> faults = Collections.synchronizedList(new ArrayList<>());

    private Clients(Collection<String> bases, Duration retryWindow) {
        this.bases = List.copyOf(bases);
        this.rules = new Rules(retryWindow);
    }

    private static HttpClient newHttpClient() {
        return HttpClient.newBuilder()
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(Duration.ofSeconds(5))
                .build();
    }

    /**
     * Lets them loose.
     *
     * @param bases of the service's replicas; each call goes to any of them
     */
    static Clients start(Collection<String> bases, Duration retryWindow) {
        Clients clients = new Clients(bases, retryWindow);
        for (int i = 0; i < CLIENTS; i++) {
            clients.running.add(clients.threads.submit(new Client(clients, retryWindow, new Random(clients.seed + i))));
        }
        return clients;
    }

    /** Something that is done to the service: from its beginning until a while after its end, clients may be told "later". */
    final class Fault {

        private final long begin = System.nanoTime();
        private volatile long end = Long.MAX_VALUE;

        private boolean excuses(Call call) {
            return call.end() >= begin && (end == Long.MAX_VALUE || call.end() - end <= RECOVERY.toNanos());
        }

        /** Until when calls went unanswered, after its end. */
        private Duration aftermath() {
            return Duration.ofNanos(unanswered.stream()
                    .filter(call -> excuses(call) && call.end() > end)
                    .mapToLong(call -> call.end() - end)
                    .max()
                    .orElse(0));
        }

        void over() {
            end = System.nanoTime();
        }
    }

    /** One begins now. */
    Fault fault() {
        Fault fault = new Fault();
        faults.add(fault);
        return fault;
    }

    long rotations() {
        return rotations.get();
    }

    /** Waits until so many more rotations have been seen; fails if they don't come. */
    void rotate(long more) {
        long goal = rotations() + more;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60) + TimeUnit.MILLISECONDS.toNanos(20 * more);
        while (rotations() < goal) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("the clients stand still: " + this);
            }
            sleep(10);
        }
    }

    /**
     * Ends all that goes on and says what was seen.
     *
     * @param database from which the audit log is read, which has to agree
     */
    Report finish(OneDatabase database) {
        over.set(true);
        for (Future<?> one : running) {
            try {
                one.get(5, TimeUnit.MINUTES);
            } catch (Exception e) {
                violations.add("a client failed: " + e);
            }
        }
        compareAudit(database);
        unanswered.stream()
                .filter(call -> faults.stream().noneMatch(fault -> fault.excuses(call)))
                .forEach(call -> violations.add("unanswered although nothing was wrong: " + call.line(begun)));
        Duration recovery =
                faults.stream().map(Fault::aftermath).max(Duration::compareTo).orElse(Duration.ZERO);
        return new Report(
                calls.sum(),
                sessions.sum(),
                rotations.get(),
                replays.sum(),
                thefts.values().stream().filter(Theft.CERTAIN::equals).count(),
                latelyRetried.sum(),
                later.sum(),
                lost.sum(),
                faults.size(),
                recovery,
                List.copyOf(violations));
    }

    private void compareAudit(OneDatabase database) {
        Map<UUID, Long> recorded = new ConcurrentHashMap<>();
        database.rows("SELECT session_id, count(*) FROM audit_logs WHERE event_type = 'TOKEN_REUSE_ATTACK' GROUP BY 1")
                .forEach(row -> recorded.put((UUID) row.get("session_id"), (Long) row.get("count")));
        thefts.forEach((session, theft) -> {
            if (theft == Theft.CERTAIN && !recorded.containsKey(session)) {
                violations.add("a theft is not in the audit log: " + session);
            }
        });
        recorded.forEach((session, count) -> {
            if (!thefts.containsKey(session) || count > 1) {
                violations.add("the audit log has " + count + " thefts of a session that had none or one: " + session);
            }
        });
        long crowded = database.count("""
                SELECT count(*) FROM (
                    SELECT family_id FROM refresh_tokens t JOIN login_sessions s ON s.id = t.family_id AND s.ended_at IS NULL
                    WHERE NOT revoked GROUP BY family_id HAVING count(*) > 1) AS crowded
                """);
        if (crowded > 0) {
            violations.add(crowded + " sessions have several live tokens");
        }
    }

    /**
     * What came of it.
     *
     * @param latelyRetried sessions that ended since an answer was lost and the retry came later than the retry window
     * @param later answers 503
     * @param lost connections that broke
     * @param recovery the longest time from the end of a fault until the last call that got no answer
     */
    record Report(
            long calls,
            long sessions,
            long rotations,
            long replays,
            long thefts,
            long latelyRetried,
            long later,
            long lost,
            int faults,
            Duration recovery,
            List<String> violations) {

        /** The table's head in RELIABILITY.md. */
        static final String HEAD = """
                | fault | times | sessions | rotations | replays | thefts | retried too late | 503 | cut | recovery | violations |
                | --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |
                """;

        /** The first ones are enough to understand it. */
        String shown() {
            return violations.size() + " violations: "
                    + String.join("\n", violations.subList(0, Math.min(MOST_SHOWN, violations.size())));
        }

        /** A line of the table in RELIABILITY.md. */
        String line(String what) {
            return "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %.1f s | %d |"
                    .formatted(
                            what,
                            faults,
                            sessions,
                            rotations,
                            replays,
                            thefts,
                            latelyRetried,
                            later,
                            lost,
                            recovery.toMillis() / 1e3,
                            violations.size());
        }
    }

    boolean over() {
        return over.get();
    }

    /** Whether a rule has been seen broken already. */
    boolean found(String rule) {
        return violations.stream().anyMatch(violation -> violation.contains(rule));
    }

    /** A call that ran its course. */
    void saw(Call call) {
        calls.increment();
        if (call.open()) {
            unanswered.add(call);
            (call.outcome() == Outcome.LATER ? later : lost).increment();
        }
    }

    void rotated(int generations) {
        rotations.addAndGet(generations);
    }

    /** A session is over: it is judged. */
    void settled(Session session) {
        sessions.increment();
        Verdict verdict = rules.judge(session.history());
        replays.add(verdict.replays());
        if (verdict.theft() != Theft.NONE) {
            thefts.put(session.id, verdict.theft());
        }
        if (session.retriedTooLate()) {
            latelyRetried.increment();
        }
        if (!verdict.violations().isEmpty() && violations.size() < MOST_KEPT) {
            violations.add(String.join("\n  ", verdict.violations()) + "\n  seed " + seed + ", " + session.story());
        }
    }

    /** Sends a request to any replica: a POST of JSON, or of nothing, or a GET. */
    CompletableFuture<HttpResponse<String>> send(String path, JsonObject body, String accessToken) {
        return http.sendAsync(request(path, body, accessToken), HttpResponse.BodyHandlers.ofString());
    }

    /**
     * The same on connections that no other request uses: one that is hung up on just when its answer has come may have been
     * given to the next request already.
     */
    CompletableFuture<HttpResponse<String>> sendAndMaybeHangUp(String path, JsonObject body) {
        return rude.sendAsync(request(path, body, null), HttpResponse.BodyHandlers.ofString());
    }

    private HttpRequest request(String path, JsonObject body, String accessToken) {
        String base = bases.get(ThreadLocalRandom.current().nextInt(bases.size()));
        HttpRequest.Builder request =
                HttpRequest.newBuilder(URI.create(base + path)).timeout(PATIENCE);
        if (body != null) {
            request.header("Content-Type", "application/json").POST(HttpRequest.BodyPublishers.ofString(body.encode()));
        } else if (path.endsWith("-all")) {
            request.POST(HttpRequest.BodyPublishers.noBody());
        }
        if (accessToken != null) {
            request.header("Authorization", "Bearer " + accessToken);
        }
        return request.build();
    }

    @Override
    public String toString() {
        return rotations + " rotations, " + later + " later, " + lost + " lost, " + violations.size() + " violations";
    }

    @Override
    public void close() {
        over.set(true);
        threads.shutdownNow();
    }

    static void sleep(long millis) {
        try {
            Thread.sleep(millis);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }
}
