package dev.latchkey.http;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import dev.latchkey.database.DatabaseException;
import dev.latchkey.http.ProblemDetails.Violation;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.ForbiddenException;
import io.quarkus.security.UnauthorizedException;
import jakarta.persistence.PersistenceException;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.ConstraintViolationException;
import jakarta.validation.ElementKind;
import jakarta.validation.Path;
import jakarta.ws.rs.NotAllowedException;
import jakarta.ws.rs.WebApplicationException;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;
import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.jboss.logging.Logger;
import org.jboss.resteasy.reactive.server.ServerExceptionMapper;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

/** Turns whatever ends a request into a problem. The detail of what went wrong here goes to the log, not to the client. */
class ErrorMappers {

    private static final Logger LOG = Logger.getLogger(ErrorMappers.class);

    /** The attribute by which an authentication says that the token is valid, but its session has ended. */
    private static final String SESSION_ENDED = "session_ended";

    private static final String SEE_LOG = "The log has more under this request id";

    @ServerExceptionMapper
    Response problem(ProblemException e) {
        return ProblemDetails.response(e.problem(), e.getMessage());
    }

    @ServerExceptionMapper
    Response invalid(ConstraintViolationException e) {
        List<Violation> violations = e.getConstraintViolations().stream()
                .map(violation -> new Violation(field(violation), violation.getMessage()))
                .sorted(Comparator.comparing(Violation::field).thenComparing(Violation::message))
                .toList();
        return ProblemDetails.response(Problem.INVALID_REQUEST, "Some fields are wrong", violations);
    }

    /** Quarkus has a mapper for just this class, which would answer without a body: only the same class goes before it. */
    @ServerExceptionMapper
    Response mismatched(MismatchedInputException e) {
        if (e.getPath().isEmpty() || e.getPath().get(0).getFieldName() == null) {
            return ProblemDetails.response(Problem.INVALID_REQUEST, "The body is not a JSON object as described");
        }
        String field = e.getPath().get(0).getFieldName();
        return ProblemDetails.response(
                Problem.INVALID_REQUEST, "Some fields are wrong", List.of(new Violation(field, "has the wrong type")));
    }

    @ServerExceptionMapper
    Response notJson(JacksonException e) {
        return ProblemDetails.response(Problem.INVALID_REQUEST, "The body is not a JSON object as described");
    }

    @ServerExceptionMapper
    Response unreadable(IOException e) {
        LOG.debug("A body could not be read", e);
        return ProblemDetails.response(Problem.INVALID_REQUEST, "The body could not be read");
    }

    @ServerExceptionMapper
    Response missing(UnauthorizedException e) {
        return ProblemDetails.response(Problem.ACCESS_TOKEN_MISSING, "Send Authorization: Bearer and an access token");
    }

    @ServerExceptionMapper
    Response unauthenticated(AuthenticationFailedException e) {
        if (e.getAttribute(SESSION_ENDED) != null) {
            return ProblemDetails.response(Problem.SESSION_ENDED, "Log in again");
        }
        return ProblemDetails.response(Problem.ACCESS_TOKEN_INVALID, "It is expired, changed, or not for this service");
    }

    @ServerExceptionMapper
    Response forbidden(ForbiddenException e) {
        return ProblemDetails.response(Problem.FORBIDDEN, "The access token does not suffice for this");
    }

    /** What JAX-RS refuses by itself: paths, media types, sizes. */
    @ServerExceptionMapper
    Response refused(WebApplicationException e) {
        return switch (e.getResponse().getStatus()) {
            case 404 -> ProblemDetails.response(Problem.NOT_FOUND, "No such path");
            case 406 -> ProblemDetails.response(Problem.NOT_ACCEPTABLE, "Answers are application/json");
            case 413 -> ProblemDetails.response(Problem.PAYLOAD_TOO_LARGE, "The body is too long");
            case 415 -> ProblemDetails.response(Problem.UNSUPPORTED_MEDIA_TYPE, "Send Content-Type: application/json");
            default -> {
                if (e.getResponse().getStatus() < 500) {
                    yield ProblemDetails.response(Problem.INVALID_REQUEST, "The request could not be read");
                }
                yield internal(e);
            }
        };
    }

    /** RFC 9110 §15.5.6: the answer MUST have {@code Allow}. */
    @ServerExceptionMapper
    Response notAllowed(NotAllowedException e) {
        Response problem = ProblemDetails.response(Problem.METHOD_NOT_ALLOWED, "See the header Allow");
        return Response.fromResponse(problem)
                .header(HttpHeaders.ALLOW, String.join(", ", AllowedMethods.of(CurrentRequestManager.get())))
                .build();
    }

    @ServerExceptionMapper
    Response database(DatabaseException e) {
        LOG.error(e.getMessage());
        if (e.unavailable()) {
            return ProblemDetails.response(
                    Problem.TEMPORARILY_UNAVAILABLE, "The database does not answer as it should: try again");
        }
        if (e.unfitValue()) {
            return ProblemDetails.response(Problem.INVALID_REQUEST, "A value is longer than this service can store");
        }
        return ProblemDetails.response(Problem.INTERNAL_ERROR, SEE_LOG);
    }

    /** For these Quarkus has a mapper of its own. */
    @ServerExceptionMapper
    Response persistence(PersistenceException e) {
        return internal(e);
    }

    @ServerExceptionMapper
    Response internal(Exception e) {
        return DatabaseException.in(e).map(this::database).orElseGet(() -> {
            LOG.error("A request failed", e);
            return ProblemDetails.response(Problem.INTERNAL_ERROR, SEE_LOG);
        });
    }

    /** The last name on the way to the value; the body itself has none that a client would know. */
    private static String field(ConstraintViolation<?> violation) {
        String last = "";
        for (Path.Node node : violation.getPropertyPath()) {
            last = node.getKind() == ElementKind.PARAMETER ? "body" : node.getName();
        }
        return snakeCase(last);
    }

    private static String snakeCase(String name) {
        return name.replaceAll("([a-z])([A-Z])", "$1_$2").toLowerCase(Locale.ROOT);
    }
}
