package dev.latchkey.refresh;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.AuditLogs;
import dev.latchkey.audit.Client;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.database.Database;
import dev.latchkey.ops.Metrics;
import dev.latchkey.refresh.Rotation.Grant;
import dev.latchkey.refresh.Rotation.Refusal;
import dev.latchkey.token.RefreshTokens;
import dev.latchkey.token.RefreshTokens.Link;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.RefreshTokens.Look;
import dev.latchkey.token.RefreshTokens.Swap;
import dev.latchkey.token.Reuse;
import dev.latchkey.token.Token;
import dev.latchkey.token.TokenFormat;
import io.vertx.core.Vertx;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;

/** Swaps a refresh token for the next one: the decision table's answers, top to bottom. */
@ApplicationScoped
class RotateToken {

    /** Of a token that is live when looked at and not when rotated; two are rare already. */
    private static final int MOST_TRIES = 10;

    private final TokenFormat format;
    private final RotationGroups groups;
    private final RefreshTokens tokens;
    private final Reuse reuse;
    private final AuditLogs audit;
    private final Database database;
    private final Metrics metrics;

    RotateToken(
            TokenFormat format,
            RotationGroups groups,
            RefreshTokens tokens,
            Reuse reuse,
            AuditLogs audit,
            Database database,
            Metrics metrics) {
        this.format = format;
        this.groups = groups;
        this.tokens = tokens;
        this.reuse = reuse;
        this.audit = audit;
        this.database = database;
        this.metrics = metrics;
    }

    /** Answers a presented text, whatever it is. Called on a Vert.x context, and answers on it. */
    CompletionStage<Rotation> rotate(String text, Client client) {
        TokenFormat.Reading reading = format.read(text);
        if (reading.token().isEmpty()) {
            return completed(reading.unknownKey() ? Refusal.UNKNOWN_KEY : Refusal.TOKEN_INVALID);
        }
        Token presented = reading.token().get();
        // Chosen once: a second attempt after a lost connection makes, or finds, the same successor.
        UUID successorId = RefreshTokens.newRowId();
        Swap swap = new Swap(presented, format.next(presented, successorId), successorId, client);
        return groups.rotate(swap)
                .thenCompose(live -> live.isPresent()
                        ? completed(new Grant(swap.successor(), live.get(), false))
                        : onWorker(() -> database.again(() -> attempt(swap))));
    }

    private static CompletionStage<Rotation> completed(Rotation rotation) {
        return CompletableFuture.completedStage(rotation);
    }

    private static CompletionStage<Rotation> onWorker(Callable<Rotation> steps) {
        return Vertx.currentContext().executeBlocking(steps, false).toCompletionStage();
    }

    private Rotation attempt(Swap swap) {
        Token presented = swap.presented();
        for (int tries = 1; tries <= MOST_TRIES; tries++) {
            Optional<Live> rotated = metrics.timeRotation(() -> tokens.rotate(swap));
            if (rotated.isPresent()) {
                return new Grant(swap.successor(), rotated.get(), false);
            }
            Optional<Look> look = tokens.look(presented, swap.successorId());
            if (look.isEmpty()) {
                return Refusal.TOKEN_REVOKED;
            }
            Optional<Rotation> answer = decide(presented, look.get(), swap.client());
            if (answer.isPresent()) {
                return answer.get();
            }
        }
        throw new UnansweredException(presented + " changed each time it was looked at");
    }

    /** Empty when things changed between the rotation and the look, so that both have to be tried again. */
    private Optional<Rotation> decide(Token presented, Look look, Client client) {
        return switch (look.standing()) {
            case ENDED -> Optional.of(Refusal.TOKEN_REVOKED);
            case EXPIRED -> Optional.of(Refusal.TOKEN_EXPIRED);
            case UNKNOWN -> {
                JsonObject details = new JsonObject().put("live_generation", look.liveGeneration());
                record(SecurityEvent.TOKEN_UNKNOWN, presented, look, client, details);
                yield Optional.of(Refusal.TOKEN_UNKNOWN);
            }
            case LIVE -> Optional.empty();
            case REPLAYED -> {
                Token live = follow(presented, look);
                JsonObject details = new JsonObject()
                        .put("live_generation", look.liveGeneration())
                        .put("seconds_since_rotation", look.secondsSinceRotation());
                record(SecurityEvent.TOKEN_REPLAYED, presented, look, client, details);
                yield Optional.of(new Grant(live, look.live(), true));
            }
            case TOO_FAR_BEHIND -> Optional.of(Refusal.TOO_MANY_REFRESHES);
            case REUSED -> reuse.caught(presented, look, client) ? Optional.of(Refusal.TOKEN_REUSED) : Optional.empty();
        };
    }

    private void record(SecurityEvent event, Token presented, Look look, Client client, JsonObject details) {
        audit.record(
                look.live().user(),
                presented.session(),
                new AuditEntry(event, presented.generation(), client, details));
    }

    /** Makes the live token again, step by step from the presented one; every step is checked against its stored hash. */
    private Token follow(Token presented, Look look) {
        if (look.path().size() != look.liveGeneration() - presented.generation()) {
            throw new UnansweredException("rows are missing between " + presented + " and its session's live token");
        }
        Token token = presented;
        for (Link link : look.path()) {
            Token last = token;
            token = format.next(last, link)
                    .orElseThrow(() -> new UnansweredException("no accepted secret makes the successor of " + last
                            + ": is JWT_REFRESH_SECRET_PREVIOUS missing here?"));
        }
        return token;
    }
}
