package dev.latchkey.refresh;

import dev.latchkey.database.DatabaseConfig;
import dev.latchkey.database.DatabaseException;
import dev.latchkey.ops.Metrics;
import dev.latchkey.token.RefreshTokens;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.RefreshTokens.Swap;
import dev.latchkey.token.TokenConfig;
import io.opentelemetry.instrumentation.annotations.WithSpan;
import io.smallrye.mutiny.infrastructure.Infrastructure;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/**
 * Sends the rotations that wait at the same moment as one statement with one commit. Nobody waits for a group to fill: while one
 * is at the database, those that arrive meanwhile become the next one, and a lone one goes at once.
 */
@ApplicationScoped
class RotationGroups {

    /** A group that takes longer may be stuck, on a connection that broke unseen, say: the next one does not wait for it. */
    private static final int LATE_MILLIS = 20;

    private static final int MOST_AT_ONCE = 4;

    private final RefreshTokens tokens;
    private final Metrics metrics;
    private final Vertx vertx;
    private final int size;
    private final long patienceNanos;

    /** By session, longest waiting first: never two of one session. */
    private final Map<UUID, Waiting> waiting = new LinkedHashMap<>();

    private int senders;
    private boolean watched;

    RotationGroups(
            RefreshTokens tokens,
            Metrics metrics,
            Vertx vertx,
            TokenConfig tokenConfig,
            DatabaseConfig databaseConfig) {
        this.tokens = tokens;
        this.metrics = metrics;
        this.vertx = vertx;
        this.size = tokenConfig.rotationGroupSize();
        this.patienceNanos = databaseConfig.dbTimeout().toNanos();
    }

    private record Waiting(Swap swap, long since, Context caller, CompletableFuture<Optional<Live>> answer) {

        UUID session() {
            return swap.presented().session();
        }

        void complete(Live live) {
            caller.runOnContext(turn -> answer.complete(Optional.ofNullable(live)));
        }

        void fail(Throwable failure) {
            caller.runOnContext(turn -> answer.completeExceptionally(failure));
        }
    }

    /**
     * Rotates a token together with others; the answer comes on the caller's Vert.x context. It fails with a {@link
     * dev.latchkey.database.DatabaseException} or {@link UnansweredException} if the database is away or slow.
     *
     * @return empty if it could not be done in a group, for whatever reason: the token is to be rotated by itself then
     */
    @WithSpan("rotation")
    CompletionStage<Optional<Live>> rotate(Swap swap) {
        Waiting mine = new Waiting(swap, System.nanoTime(), vertx.getOrCreateContext(), new CompletableFuture<>());
        synchronized (waiting) {
            if (size == 1 || waiting.putIfAbsent(mine.session(), mine) != null) {
                return CompletableFuture.completedStage(Optional.empty());
            }
            if (senders == 0) {
                startSender();
            } else {
                watch();
            }
        }
        return mine.answer();
    }

    private void startSender() {
        senders++;
        Infrastructure.getDefaultExecutor().execute(this::send);
    }

    private void watch() {
        if (!watched && senders < MOST_AT_ONCE) {
            watched = true;
            vertx.setTimer(LATE_MILLIS, timer -> relieve());
        }
    }

    private void relieve() {
        synchronized (waiting) {
            watched = false;
            if (waiting.isEmpty()) {
                return;
            }
            Waiting longest = waiting.values().iterator().next();
            if (System.nanoTime() - longest.since() >= LATE_MILLIS * 1_000_000L) {
                startSender();
            }
            watch();
        }
    }

    private void send() {
        for (List<Waiting> group = next(); !group.isEmpty(); group = next()) {
            send(group);
        }
    }

    /** Takes the longest waiting ones, but for those that waited too long. If there are none, the turn of this sender is over. */
    private List<Waiting> next() {
        List<Waiting> group = new ArrayList<>(size);
        synchronized (waiting) {
            Iterator<Waiting> longest = waiting.values().iterator();
            while (longest.hasNext() && group.size() < size) {
                Waiting next = longest.next();
                longest.remove();
                if (isLate(next)) {
                    next.fail(new UnansweredException("a rotation waited longer than DB_TIMEOUT for its turn"));
                } else {
                    group.add(next);
                }
            }
            if (group.isEmpty()) {
                senders--;
            }
        }
        return group;
    }

    private boolean isLate(Waiting one) {
        return System.nanoTime() - one.since() > patienceNanos;
    }

    private void send(List<Waiting> group) {
        try {
            metrics.rotationGroup(group.size());
            Map<UUID, Live> rotated = metrics.timeRotation(
                    () -> tokens.rotate(group.stream().map(Waiting::swap).toList()));
            group.forEach(one -> one.complete(rotated.get(one.session())));
        } catch (DatabaseException e) {
            for (Waiting one : group) {
                if (e.maybeOneRowsFault() && !isLate(one)) {
                    one.complete(null);
                } else {
                    one.fail(e);
                }
            }
        } catch (RuntimeException | Error e) {
            group.forEach(one -> one.fail(e));
        }
    }
}
