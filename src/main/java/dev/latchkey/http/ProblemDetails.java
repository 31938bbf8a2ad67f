package dev.latchkey.http;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonProperty;
import io.quarkus.runtime.annotations.RegisterForReflection;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.Json;
import io.vertx.ext.web.RoutingContext;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.core.Response;
import java.util.List;
import org.eclipse.microprofile.openapi.annotations.media.Schema;
import org.jboss.logging.MDC;

/** The body of an error: RFC 9457. */
@RegisterForReflection
@JsonInclude(JsonInclude.Include.NON_EMPTY)
@Schema(name = "Problem", description = "RFC 9457 problem details")
public record ProblemDetails(
        @Schema(examples = "urn:latchkey:problem:token_reused")
        String type,

        @Schema(examples = "The refresh token was used before")
        String title,

        @Schema(examples = "401") int status,

        @Schema(examples = "It was swapped before, outside of its retry window: log in again")
        String detail,

        @Schema(description = "What programs go by", examples = "token_reused")
        String code,

        @Schema(examples = "01b2c3d4-0000-4000-8000-000000000000") @JsonProperty("request_id")
        String requestId,

        @Schema(description = "Where traces are collected", examples = "4bf92f3577b34da6a3ce929d0e0e4736")
        @JsonProperty("trace_id")
        String traceId,

        @Schema(description = "Which fields are wrong, if fields are")
        List<Violation> violations) {

    public static final String MEDIA_TYPE = "application/problem+json";

    /** Where OpenTelemetry's extension has the id of a request's trace, if it is on. */
    private static final String TRACE_ID = "traceId";

    /** What is wrong with a field. */
    @RegisterForReflection
    @Schema(name = "Violation")
    public record Violation(
            @Schema(examples = "email") String field,

            @Schema(examples = "has to be an e-mail address")
            String message) {}

    /** The whole answer for a problem, with the headers that belong to it. */
    static Response response(Problem problem, String detail, List<Violation> violations) {
        Response.ResponseBuilder response =
                Response.status(problem.status()).type(MEDIA_TYPE).entity(of(problem, detail, violations));
        if (problem.status() == 401) {
            response.header(HttpHeaders.WWW_AUTHENTICATE, problem.challenge());
        }
        if (problem.status() == 503) {
            response.header(HttpHeaders.RETRY_AFTER, 1);
        }
        return response.build();
    }

    static Response response(Problem problem, String detail) {
        return response(problem, detail, List.of());
    }

    /** The answer to a request that does not reach RESTEasy. */
    static void send(RoutingContext context, Problem problem, String detail) {
        HttpServerResponse response =
                context.response().setStatusCode(problem.status()).putHeader(HttpHeaders.CONTENT_TYPE, MEDIA_TYPE);
        if (problem.status() == 503) {
            response.putHeader(HttpHeaders.RETRY_AFTER, "1");
        }
        response.end(Json.encode(of(problem, detail, List.of())));
    }

    private static ProblemDetails of(Problem problem, String detail, List<Violation> violations) {
        return new ProblemDetails(
                "urn:latchkey:problem:" + problem.code(),
                problem.title(),
                problem.status(),
                detail,
                problem.code(),
                (String) MDC.get(RequestFilters.REQUEST_ID),
                (String) MDC.get(TRACE_ID),
                violations);
    }
}
