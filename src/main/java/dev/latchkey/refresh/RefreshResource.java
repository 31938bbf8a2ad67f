package dev.latchkey.refresh;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.latchkey.access.AccessTokens;
import dev.latchkey.http.Clients;
import dev.latchkey.http.Problem;
import dev.latchkey.http.ProblemDetails;
import dev.latchkey.http.ProblemException;
import dev.latchkey.http.TokenResponse;
import dev.latchkey.ops.Metrics;
import dev.latchkey.refresh.Rotation.Grant;
import dev.latchkey.refresh.Rotation.Refusal;
import io.vertx.core.http.HttpServerRequest;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.Cancellable;

@Path("/api/auth/refresh")
@Tag(name = "Tokens")
class RefreshResource {

    private static final Logger LOG = Logger.getLogger(RefreshResource.class);

    private final RotateToken rotateToken;
    private final AccessTokens accessTokens;
    private final Metrics metrics;
    private final Clients clients;

    RefreshResource(RotateToken rotateToken, AccessTokens accessTokens, Metrics metrics, Clients clients) {
        this.rotateToken = rotateToken;
        this.accessTokens = accessTokens;
        this.metrics = metrics;
        this.clients = clients;
    }

    @Schema(name = "RefreshRequest")
    record RefreshRequest(
            @JsonProperty("refresh_token") @NotNull(message = "is missing") @Schema(examples = "lk_ZW4gdG9rZW4…")
            String refreshToken) {

        @Override
        public String toString() {
            return "RefreshRequest[]";
        }
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(
            summary = "Swap a refresh token for the next one",
            description =
                    "Safe to retry: inside the retry window the same token is answered with the session's live token"
                            + " again. After it, a token that was swapped before is taken for stolen.")
    @APIResponse(
            responseCode = "200",
            description = "A new access token and the session's live refresh token",
            content = @Content(schema = @Schema(implementation = TokenResponse.class)))
    @APIResponse(
            responseCode = "401",
            description =
                    "Log in again. code: token_invalid, token_revoked, token_expired, token_unknown, token_reused",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    @APIResponse(
            responseCode = "429",
            description = "code: too_many_refreshes. The token is too many generations behind",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    @Cancellable(false) // a rotation that waits goes on waiting, so its request is still in progress
    public CompletionStage<TokenResponse> refresh(
            @NotNull(message = "is missing") @Valid RefreshRequest request, @Context HttpServerRequest http) {
        // A future of our own: an exception out of a stage would be wrapped in another, whose stack trace is what a
        // refusal costs.
        CompletableFuture<TokenResponse> answer = new CompletableFuture<>();
        rotateToken.rotate(request.refreshToken(), clients.of(http)).whenComplete((rotation, failure) -> {
            if (failure != null) {
                metrics.refreshed(Problem.TEMPORARILY_UNAVAILABLE.code());
                answer.completeExceptionally(unanswered(failure));
            } else {
                metrics.refreshed(rotation.outcome());
                complete(answer, rotation);
            }
        });
        return answer;
    }

    private void complete(CompletableFuture<TokenResponse> answer, Rotation rotation) {
        if (rotation instanceof Refusal refusal) {
            answer.completeExceptionally(problem(refusal));
            return;
        }
        Grant grant = (Grant) rotation;
        try {
            answer.complete(accessTokens.answer(grant.token(), grant.live()));
        } catch (RuntimeException e) {
            answer.completeExceptionally(e);
        }
    }

    private static Throwable unanswered(Throwable failure) {
        Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
        if (cause instanceof UnansweredException) {
            LOG.error(cause.getMessage());
            return new ProblemException(Problem.TEMPORARILY_UNAVAILABLE, "Try again");
        }
        return cause;
    }

    private static ProblemException problem(Refusal refusal) {
        return switch (refusal) {
            case TOKEN_INVALID, UNKNOWN_KEY ->
                new ProblemException(Problem.TOKEN_INVALID, "It was not made here, or was changed: log in again");
            case TOKEN_REVOKED -> new ProblemException(Problem.TOKEN_REVOKED, "The session has ended: log in again");
            case TOKEN_EXPIRED ->
                new ProblemException(Problem.TOKEN_EXPIRED, "It was not used for too long: log in again");
            case TOKEN_UNKNOWN ->
                new ProblemException(Problem.TOKEN_UNKNOWN, "The database was restored from a backup: log in again");
            case TOO_MANY_REFRESHES ->
                new ProblemException(
                        Problem.TOO_MANY_REFRESHES, "The session was refreshed too often since: use its newest token");
            case TOKEN_REUSED ->
                new ProblemException(
                        Problem.TOKEN_REUSED, "It was swapped before, outside of its retry window: log in again");
        };
    }
}
