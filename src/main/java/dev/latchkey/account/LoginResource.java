package dev.latchkey.account;

import dev.latchkey.access.AccessTokens;
import dev.latchkey.audit.Client;
import dev.latchkey.http.Clients;
import dev.latchkey.http.Problem;
import dev.latchkey.http.ProblemDetails;
import dev.latchkey.http.ProblemException;
import dev.latchkey.http.TokenResponse;
import dev.latchkey.ops.Metrics;
import dev.latchkey.token.Sessions.Started;
import io.vertx.core.http.HttpServerRequest;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.validation.constraints.Pattern;
import jakarta.validation.constraints.Size;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import java.util.Locale;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

@Path("/api/auth/login")
@Tag(name = "Tokens")
class LoginResource {

    private final LogIn logIn;
    private final AccessTokens accessTokens;
    private final Metrics metrics;
    private final Clients clients;

    LoginResource(LogIn logIn, AccessTokens accessTokens, Metrics metrics, Clients clients) {
        this.logIn = logIn;
        this.accessTokens = accessTokens;
        this.metrics = metrics;
        this.clients = clients;
    }

    @Schema(name = "LoginRequest")
    record LoginRequest(
            @NotNull(message = "is missing")
            @Size(max = 254, message = "may have at most 254 characters")
            @Pattern(regexp = "[^\\p{Cntrl}\\p{Cs}]*", message = "has characters that no e-mail address has")
            @Schema(examples = "ada@example.org")
            String email,

            // Half a surrogate pair is no character, and nothing that can be hashed.
            @NotNull(message = "is missing")
            @Pattern(regexp = "[^\\p{Cs}]*", message = "has to be made of characters")
            @Schema(examples = "correct horse battery")
            String password,

            @Size(max = 100, message = "may have at most 100 characters")
            @Schema(description = "What the user will know this session by", examples = "Ada's phone")
            String device) {

        LoginRequest {
            email = email == null ? null : email.strip();
            device = Client.printable(device);
        }

        @Override
        public String toString() {
            return "LoginRequest[]";
        }
    }

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(summary = "Log in: start a session on this device")
    @APIResponse(
            responseCode = "200",
            description = "The session's first tokens",
            content = @Content(schema = @Schema(implementation = TokenResponse.class)))
    @APIResponse(
            responseCode = "401",
            description = "code: invalid_credentials",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    @APIResponse(
            responseCode = "503",
            description = "code: overloaded, temporarily_unavailable. Try again after Retry-After seconds",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    public TokenResponse logIn(
            @NotNull(message = "is missing") @Valid LoginRequest request, @Context HttpServerRequest http) {
        LogIn.Outcome outcome = outcome(request, clients.of(http));
        metrics.loggedIn(outcome.result().name().toLowerCase(Locale.ROOT));
        return switch (outcome.result()) {
            case SUCCEEDED -> {
                Started started = outcome.started().orElseThrow();
                yield accessTokens.answer(started.token(), started.live());
            }
            case INVALID_CREDENTIALS -> throw new ProblemException(Problem.INVALID_CREDENTIALS, "Try again");
            case TEMPORARILY_UNAVAILABLE ->
                throw new ProblemException(
                        Problem.TEMPORARILY_UNAVAILABLE, "The account was changed meanwhile: try again");
        };
    }

    private LogIn.Outcome outcome(LoginRequest request, Client client) {
        try {
            return logIn.logIn(request.email(), request.password(), request.device(), client);
        } catch (Passwords.OverloadedException e) {
            metrics.loggedIn(Problem.OVERLOADED.code());
            throw new ProblemException(Problem.OVERLOADED, "Too many passwords wait to be checked: try again");
        } catch (RuntimeException e) {
            metrics.loggedIn(Problem.TEMPORARILY_UNAVAILABLE.code());
            throw e;
        }
    }
}
