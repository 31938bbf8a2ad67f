package dev.latchkey.http;

import io.quarkus.vertx.http.runtime.filters.Filters;
import io.quarkus.vertx.http.runtime.security.SecurityHandlerPriorities;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.Router;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import java.net.URI;
import java.net.URISyntaxException;
import java.util.UUID;
import java.util.regex.Pattern;
import org.jboss.logging.MDC;

/** What happens to every request, also to one that reaches no resource. */
@ApplicationScoped
public class RequestFilters {

    /** The request id's key in the logs and in problems. */
    static final String REQUEST_ID = "request_id";

    private static final String REQUEST_ID_HEADER = "X-Request-Id";
    private static final Pattern REQUEST_ID_PATTERN = Pattern.compile("[A-Za-z0-9._-]{1,64}");
    private static final int FIRST = 1000;

    /** So that a web page may read what these answer. */
    private static final int AFTER_CORS = SecurityHandlerPriorities.CORS - 10;

    private final RequestBodies bodies;
    private final RequestsInProgress inProgress;

    RequestFilters(RequestBodies bodies, RequestsInProgress inProgress) {
        this.bodies = bodies;
        this.inProgress = inProgress;
    }

    void register(@Observes Filters filters) {
        filters.register(this::receive, FIRST);
        filters.register(bodies::watch, AFTER_CORS);
        filters.register(inProgress::shed, AFTER_CORS - 1);
    }

    void register(@Observes Router router) {
        router.route().order(-FIRST).failureHandler(RequestFilters::refuse);
    }

    private void receive(RoutingContext context) {
        DroppedBodies.release(context.request());
        String id = context.request().getHeader(REQUEST_ID_HEADER);
        if (id == null || !REQUEST_ID_PATTERN.matcher(id).matches()) {
            id = UUID.randomUUID().toString();
        }
        MDC.put(REQUEST_ID, id);
        context.response().putHeader(REQUEST_ID_HEADER, id);
        context.next();
    }

    /** What Vert.x and Quarkus fail at; Quarkus would write an error into the log, and a 500 to the page. */
    private static void refuse(RoutingContext context) {
        if (context.statusCode() == 400) {
            context.response().setStatusCode(400).end(); // no Host, or one that is none
        } else if (context.statusCode() == 500 && canNotBeCompared(context.request())) {
            context.response().setStatusCode(403).end();
        } else {
            context.next();
        }
    }

    /** Whether a page's origin or the Host is one that Java's URIs can't have: http://a_b, say. */
    private static boolean canNotBeCompared(HttpServerRequest request) {
        String origin = request.getHeader(HttpHeaders.ORIGIN);
        return origin != null && (hasNoHost(origin) || hasNoHost(request.absoluteURI()));
    }

    private static boolean hasNoHost(String uri) {
        try {
            return new URI(uri).getHost() == null;
        } catch (URISyntaxException e) {
            return true;
        }
    }
}
