package dev.latchkey.http;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.http.HttpVersion;
import io.vertx.core.json.Json;
import io.vertx.ext.web.RoutingContext;
import jakarta.inject.Singleton;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Response;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Set;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.core.ResteasyReactiveRequestContext;
import org.jboss.resteasy.reactive.server.spi.ServerHttpRequest;

/**
 * Refuses bodies that are too long, before Quarkus does, which would answer without a body. One that a thread would wait for is
 * read here: however slowly it comes, and from however many, it takes nobody's thread.
 */
@Singleton
class LongBodies {

    private static final String DETAIL = "The body is longer than a request of this service can be";
    private static final Set<String> WITHOUT_BODY = Set.of("GET", "HEAD");

    private final long longestBody;

    LongBodies(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize longestBody) {
        this.longestBody = longestBody.asLongValue();
    }

    /** By the length that is said. */
    void refuse(RoutingContext context) {
        String length = context.request().getHeader("Content-Length");
        if (length == null || Long.parseLong(length) <= longestBody) {
            context.next();
        } else {
            tooLong(context);
        }
    }

    @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHENTICATION)
    Uni<Response> read(ContainerRequestContext request, RoutingContext context) {
        ResteasyReactiveRequestContext current = CurrentRequestManager.get();
        // For a method that blocks nothing RESTEasy reads the body in the same way, but only if its length is said.
        boolean readLater = request.getLength() >= 0 && !current.getTarget().isBlocking();
        if (readLater || context.request().isEnded() || WITHOUT_BODY.contains(request.getMethod())) {
            return null;
        }
        ServerHttpRequest input = current.serverRequest();
        return Uni.createFrom().emitter(answer -> {
            input.setReadListener(new Reading(request, context, answer));
            input.resumeRequestInput();
        });
    }

    private final class Reading implements ServerHttpRequest.ReadCallback {

        private final ContainerRequestContext request;
        private final RoutingContext context;
        private final UniEmitter<? super Response> answer;
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();
        private boolean refused;

        Reading(ContainerRequestContext request, RoutingContext context, UniEmitter<? super Response> answer) {
            this.request = request;
            this.context = context;
            this.answer = answer;
        }

        @Override
        public void data(ByteBuffer chunk) {
            if (refused) {
                return;
            }
            if (body.size() + chunk.remaining() > longestBody) {
                refused = true;
                hangUpAfterAnswer(context);
                answer.complete(ProblemDetails.response(Problem.PAYLOAD_TOO_LARGE, DETAIL));
                return;
            }
            while (chunk.hasRemaining()) {
                body.write(chunk.get());
            }
        }

        @Override
        public void done() {
            request.setEntityStream(new ByteArrayInputStream(body.toByteArray()));
            answer.complete(null);
        }
    }

    private static void tooLong(RoutingContext context) {
        ProblemDetails problem = ProblemDetails.of(Problem.PAYLOAD_TOO_LARGE, DETAIL, List.of());
        hangUpAfterAnswer(context);
        context.response()
                .setStatusCode(problem.status())
                .putHeader("Content-Type", ProblemDetails.MEDIA_TYPE)
                .end(Json.encode(problem));
    }

    /** Nobody will read the rest, so it can't be told from a next request. */
    private static void hangUpAfterAnswer(RoutingContext context) {
        if (context.request().version() == HttpVersion.HTTP_2) {
            // RFC 9113 §8.1: after a complete answer, a reset without an error tells the client to stop sending.
            context.addEndHandler(done -> context.response().reset(0));
        } else {
            context.response().putHeader("Connection", "close");
            context.addEndHandler(done -> context.request().connection().close());
        }
    }
}
