package dev.latchkey.http;

import dev.latchkey.ops.Metrics;
import io.quarkus.runtime.Startup;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.CompletionCallback;
import jakarta.ws.rs.core.Response;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;

/**
 * Lets only so many requests be worked on at once, whatever they wait for: a thread, a connection, a turn. So none waits long,
 * and what waits takes only so much memory. The others are told to come again, for little more than it took to read them.
 */
@Startup
@ApplicationScoped
class RequestsInProgress {

    private static final String DETAIL = "Too many requests at once: try again";

    private final int most;
    private final Metrics metrics;
    private final AtomicInteger inProgress = new AtomicInteger();
    private final CompletionCallback done = failure -> inProgress.decrementAndGet();

    RequestsInProgress(@ConfigProperty(name = "latchkey.max-requests-in-progress") int most, Metrics metrics) {
        this.most = most;
        this.metrics = metrics;
        metrics.requestsInProgress(inProgress::get);
    }

    /** Costs least: the head is all that was read. */
    void shed(RoutingContext context) {
        if (inProgress.get() < most) {
            context.next();
        } else {
            metrics.requestShed();
            ProblemDetails.send(context, Problem.TEMPORARILY_UNAVAILABLE, DETAIL);
        }
    }

    /** What has no body is complete already, and is counted before its session is looked up. */
    @ServerRequestFilter(nonBlocking = true, preMatching = true)
    Optional<Response> countWithHead(RoutingContext context) {
        return RequestBodies.isExpected(context.request()) ? Optional.empty() : count();
    }

    @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHENTICATION + 1)
    Optional<Response> countWithBody(RoutingContext context) {
        return RequestBodies.isExpected(context.request()) ? count() : Optional.empty();
    }

    /** From when it is complete until its work is done: that a client has hung up ends no work. */
    private Optional<Response> count() {
        if (inProgress.incrementAndGet() > most) {
            inProgress.decrementAndGet();
            metrics.requestShed();
            return Optional.of(ProblemDetails.response(Problem.TEMPORARILY_UNAVAILABLE, DETAIL));
        }
        CurrentRequestManager.get().registerCompletionCallback(done);
        return Optional.empty();
    }
}
