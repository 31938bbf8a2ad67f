package dev.latchkey.account;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.http.Clients;
import dev.latchkey.http.Problem;
import dev.latchkey.http.ProblemDetails;
import dev.latchkey.http.ProblemException;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.json.JsonObject;
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
import jakarta.ws.rs.core.Response;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.Operation;
import org.eclipse.microprofile.openapi.annotations.media.Content;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.eclipse.microprofile.openapi.annotations.responses.APIResponse;
import org.eclipse.microprofile.openapi.annotations.tags.Tag;

@Path("/api/auth/register")
@Tag(name = "Account")
class RegisterResource {

    private final Users users;
    private final Passwords passwords;
    private final AccountConfig config;
    private final Clients clients;

    RegisterResource(Users users, Passwords passwords, AccountConfig config, Clients clients) {
        this.users = users;
        this.passwords = passwords;
        this.config = config;
        this.clients = clients;
    }

    @Schema(name = "RegisterRequest")
    record RegisterRequest(
            @NotNull(message = "is missing")
            @Size(max = 254, message = "may have at most 254 characters")
            @Pattern(
                    regexp = "[^\\p{Z}\\p{Cc}\\p{Cs}@]+@[^\\p{Z}\\p{Cc}\\p{Cs}@]+",
                    message = "has to be an e-mail address")
            @Schema(examples = "ada@example.org")
            String email,

            // Counts characters, not the one or two halves that Java keeps them in; a lone half is none.
            @NotNull(message = "is missing")
            @Pattern(regexp = "[^\\p{Cs}]{8,128}", message = "has to have 8 to 128 characters")
            @Schema(examples = "correct horse battery", minLength = 8, maxLength = 128)
            String password) {

        RegisterRequest {
            email = email == null ? null : email.strip();
        }

        @Override
        public String toString() {
            return "RegisterRequest[]";
        }
    }

    @RegisterForReflection
    @Schema(name = "Registered")
    record Registered(
            UUID id, @Schema(examples = "ada@example.org") String email) {}

    @POST
    @Consumes(MediaType.APPLICATION_JSON)
    @Produces(MediaType.APPLICATION_JSON)
    @Operation(summary = "Register a user")
    @APIResponse(
            responseCode = "201",
            description = "Registered; log in next",
            content = @Content(schema = @Schema(implementation = Registered.class)))
    @APIResponse(
            responseCode = "400",
            description = "code: invalid_request",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    @APIResponse(
            responseCode = "403",
            description = "code: registration_disabled",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    @APIResponse(
            responseCode = "409",
            description = "code: email_taken",
            content =
                    @Content(
                            mediaType = ProblemDetails.MEDIA_TYPE,
                            schema = @Schema(implementation = ProblemDetails.class)))
    public Response register(
            @NotNull(message = "is missing") @Valid RegisterRequest request, @Context HttpServerRequest http) {
        if (!config.registrationEnabled()) {
            throw new ProblemException(Problem.REGISTRATION_DISABLED, "Users are added in another way here");
        }
        UUID id = UUID.randomUUID();
        AuditEntry entry = new AuditEntry(SecurityEvent.USER_REGISTERED, null, clients.of(http), new JsonObject());
        if (!users.register(id, request.email(), hash(request.password()), entry)) {
            throw new ProblemException(Problem.EMAIL_TAKEN, "Log in, or use another address");
        }
        return Response.status(Response.Status.CREATED)
                .entity(new Registered(id, request.email()))
                .build();
    }

    private String hash(String password) {
        try {
            return passwords.hash(password);
        } catch (Passwords.OverloadedException e) {
            throw new ProblemException(Problem.OVERLOADED, "Too many passwords wait to be hashed: try again");
        }
    }
}
