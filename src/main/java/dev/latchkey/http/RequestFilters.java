package dev.latchkey.http;

import io.quarkus.runtime.configuration.MemorySize;
import io.quarkus.vertx.http.runtime.filters.Filters;
import io.vertx.core.json.Json;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.util.List;
import java.util.UUID;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.logging.MDC;

/** What happens to every request, also to one that reaches no resource. */
@ApplicationScoped
public class RequestFilters {

    /** The request id's key in the logs and in problems. */
    static final String REQUEST_ID = "request_id";

    private static final String REQUEST_ID_HEADER = "X-Request-Id";
    private static final Pattern REQUEST_ID_PATTERN = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int FIRST = 1000;
    private static final int LAST = 1;

    private final long longestBody;

    RequestFilters(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize longestBody) {
        this.longestBody = longestBody.asLongValue();
    }

    void register(@Observes Filters filters) {
        filters.register(this::nameRequest, FIRST);
        filters.register(this::refuseLargeBody, FIRST - 1);
        filters.register(LongBodies::count, LAST);
    }

    private void nameRequest(RoutingContext context) {
        String id = context.request().getHeader(REQUEST_ID_HEADER);
        if (id == null || !REQUEST_ID_PATTERN.matcher(id).matches()) {
            id = UUID.randomUUID().toString();
        }
        MDC.put(REQUEST_ID, id);
        context.response().putHeader(REQUEST_ID_HEADER, id);
        context.next();
    }

    /** Before Quarkus does, which would answer without a body. */
    private void refuseLargeBody(RoutingContext context) {
        String length = context.request().getHeader("Content-Length");
        if (length == null || Long.parseLong(length) <= longestBody) {
            context.next();
            return;
        }
        ProblemDetails problem = ProblemDetails.of(Problem.PAYLOAD_TOO_LARGE, LongBodies.DETAIL, List.of());
        LongBodies.hangUpAfterAnswer(context);
        context.response()
                .setStatusCode(problem.status())
                .putHeader("Content-Type", ProblemDetails.MEDIA_TYPE)
                .end(Json.encode(problem));
    }
}
