package dev.latchkey.session;

import com.fasterxml.jackson.annotation.JsonProperty;
import dev.latchkey.access.SessionCheck;
import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.http.Clients;
import dev.latchkey.http.Problem;
import dev.latchkey.http.ProblemDetails;
import dev.latchkey.http.ProblemException;
import dev.latchkey.token.EndReason;
import dev.latchkey.token.Sessions;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
import jakarta.validation.Valid;
import jakarta.validation.constraints.NotNull;
import jakarta.ws.rs.Consumes;
import jakarta.ws.rs.POST;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.Context;
import jakarta.ws.rs.core.MediaType;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

@Path("/api/auth")
@Tag(name = "Sessions")
@Produces(MediaType.APPLICATION_JSON)
class LogoutResource {

    private final LogOut logOut;
    private final Sessions sessions;
    private final SecurityIdentity caller;
    private final Clients clients;

    LogoutResource(LogOut logOut, Sessions sessions, SecurityIdentity caller, Clients clients) {
        this.logOut = logOut;
        this.sessions = sessions;
        this.caller = caller;
        this.clients = clients;
    }

    @Schema(name = "LogoutRequest")
    record LogoutRequest(
            @JsonProperty("refresh_token") @NotNull(message = "is missing") @Schema(examples = "lk_ZW4gdG9rZW4…")
            String refreshToken) {

        @Override
        public String toString() {
            return "LogoutRequest[]";
        }
    }

    @POST
    @Path("logout")
    @Consumes(MediaType.APPLICATION_JSON)
    @Operation(
            summary = "Log out: end the session of a refresh token",
            description =
                    "Any token of the session will do, old and expired ones too; a text that means nothing is answered"
                            + " alike. Once this is answered nothing of the session can be refreshed.")
    @APIResponse(responseCode = "204", description = "The session, if there was one, has ended")
    @APIResponse(
            responseCode = "400",
            description = "code: invalid_request",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    public void logOut(@NotNull(message = "is missing") @Valid LogoutRequest request, @Context HttpServerRequest http) {
        logOut.logOut(request.refreshToken(), clients.of(http));
    }

    @POST
    @Path("logout-all")
    @Authenticated
    @Operation(summary = "Log out everywhere: end all sessions of the user")
    @APIResponse(responseCode = "204", description = "All sessions have ended, this one too")
    @APIResponse(
            responseCode = "401",
            description = "code: access_token_missing, access_token_invalid, session_ended",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    public void logOutEverywhere(@Context HttpServerRequest http) {
        JsonObject details = new JsonObject().put("everywhere", true);
        AuditEntry entry = new AuditEntry(SecurityEvent.LOGOUT, null, clients.of(http), details);
        if (sessions.endAll(SessionCheck.session(caller), EndReason.LOGOUT_ALL, entry) == 0) {
            throw new ProblemException(Problem.SESSION_ENDED, "Log in again");
        }
    }
}
