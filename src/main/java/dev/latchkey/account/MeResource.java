package dev.latchkey.account;

import dev.latchkey.access.SessionCheck;
import dev.latchkey.http.Problem;
import dev.latchkey.http.ProblemDetails;
import dev.latchkey.http.ProblemException;
import io.quarkus.security.Authenticated;
import io.quarkus.security.identity.SecurityIdentity;
import jakarta.ws.rs.GET;
import jakarta.ws.rs.Path;
import jakarta.ws.rs.Produces;
import jakarta.ws.rs.core.MediaType;
import java.util.List;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

@Path("/api/auth/me")
@Tag(name = "Account")
@Authenticated
class MeResource {

    private final Users users;
    private final SecurityIdentity caller;

    MeResource(Users users, SecurityIdentity caller) {
        this.users = users;
        this.caller = caller;
    }

    @Schema(name = "Me")
    record Me(UUID id, @Schema(examples = "ada@example.org") String email, List<String> roles) {}

    @GET
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(summary = "Who the access token is for")
    @APIResponse(
            responseCode = "200",
            description = "The user",
            content = @Content(schema = @Schema(implementation = Me.class)))
    @APIResponse(
            responseCode = "401",
            description = "code: access_token_missing, access_token_invalid, session_ended",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    public Me me() {
        return users.findUser(SessionCheck.session(caller).user())
                .map(user -> new Me(user.id, user.email, user.roles()))
                .orElseThrow(() -> new ProblemException(Problem.SESSION_ENDED, "Log in again"));
    }
}
