package dev.latchkey.http;

import io.quarkus.runtime.configuration.MemorySize;
import io.smallrye.mutiny.Uni;
import io.smallrye.mutiny.subscription.UniEmitter;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpHeaders;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.ext.web.RoutingContext;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.ws.rs.Priorities;
import jakarta.ws.rs.container.ContainerRequestContext;
import jakarta.ws.rs.core.Response;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.resteasy.reactive.server.ServerRequestFilter;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.spi.ServerHttpRequest;

/**
 * Reads each body where no thread waits for it: a client that sends slowly takes a connection and nothing more, and that only for
 * a while. Refuses one that is too long, before Quarkus does, which would answer without a body, and one that takes too long.
 */
@ApplicationScoped
class RequestBodies {

    private static final String TOO_LONG = "The body is longer than a request of this service can be";
    private static final String TOO_SLOW =
            "The body was not complete " + SlowClients.PATIENCE.toSeconds() + " seconds after the head";
    private static final Set<String> WITHOUT_BODY = Set.of("GET", "HEAD");
    private static final long LOOK_MILLIS = 1000;

    private final long longestBody;
    private final Set<Incomplete> incomplete = ConcurrentHashMap.newKeySet();

    RequestBodies(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize longestBody, Vertx vertx) {
        this.longestBody = longestBody.asLongValue();
        vertx.setPeriodic(LOOK_MILLIS, timer -> incomplete.forEach(Incomplete::endIfLate));
    }

    /** A body of which some has still to come. */
    private abstract class Incomplete {

        private final Context thread = Vertx.currentContext();
        private final long deadline = System.nanoTime() + SlowClients.PATIENCE.toNanos();

        final void begin(HttpServerRequest request) {
            incomplete.add(this);
            request.exceptionHandler(gone -> end());
        }

        /** Returns false if it has ended already. */
        final boolean end() {
            return incomplete.remove(this);
        }

        final void endIfLate() {
            if (System.nanoTime() - deadline > 0 && end()) {
                thread.runOnContext(turn -> giveUp());
            }
        }

        abstract void giveUp();
    }

    /** Whether a body belongs to the head of a request (RFC 9112 §6.3). */
    static boolean isExpected(HttpServerRequest request) {
        String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
        return !WITHOUT_BODY.contains(request.method().name())
                && (length != null && !length.equals("0") || request.headers().contains(HttpHeaders.TRANSFER_ENCODING));
    }

    /** Refuses a body by the length that is said. Sees to what is left of one when it is answered, whoever answers. */
    void watch(RoutingContext context) {
        HttpServerRequest request = context.request();
        context.addEndHandler(answered -> {
            if (answered.succeeded() && !request.isEnded()) {
                new Rest(request).drop();
            }
        });
        String length = request.getHeader(HttpHeaders.CONTENT_LENGTH);
        if (length == null || Long.parseLong(length) <= longestBody) {
            context.next();
        } else {
            hangUpAfterAnswer(context);
            ProblemDetails.send(context, Problem.PAYLOAD_TOO_LARGE, TOO_LONG);
        }
    }

    @ServerRequestFilter(nonBlocking = true, priority = Priorities.AUTHENTICATION)
    Uni<Response> read(ContainerRequestContext request, RoutingContext context) {
        if (context.request().isEnded() || WITHOUT_BODY.contains(request.getMethod())) {
            return null;
        }
        ServerHttpRequest input = CurrentRequestManager.get().serverRequest();
        return Uni.createFrom().emitter(answer -> {
            Reading reading = new Reading(request, context, answer);
            reading.begin(context.request());
            input.setReadListener(reading);
            input.resumeRequestInput();
        });
    }

    /** What the answer waits for. */
    private final class Reading extends Incomplete implements ServerHttpRequest.ReadCallback {

        private final ContainerRequestContext request;
        private final RoutingContext context;
        private final UniEmitter<? super Response> answer;
        private final ByteArrayOutputStream body = new ByteArrayOutputStream();

        Reading(ContainerRequestContext request, RoutingContext context, UniEmitter<? super Response> answer) {
            this.request = request;
            this.context = context;
            this.answer = answer;
        }

        @Override
        public void data(ByteBuffer chunk) {
            if (body.size() + chunk.remaining() <= longestBody) {
                body.write(chunk.array(), chunk.arrayOffset() + chunk.position(), chunk.remaining());
            } else if (end()) {
                refuse(Problem.PAYLOAD_TOO_LARGE, TOO_LONG);
            }
        }

        @Override
        public void done() {
            if (end()) {
                request.setEntityStream(new ByteArrayInputStream(body.toByteArray()));
                answer.complete(null);
            }
        }

        /** RFC 9110 §15.5.9. */
        @Override
        void giveUp() {
            refuse(Problem.REQUEST_TIMEOUT, TOO_SLOW);
        }

        private void refuse(Problem problem, String detail) {
            hangUpAfterAnswer(context);
            answer.complete(ProblemDetails.response(problem, detail));
        }
    }

    /** What nobody waits for any more; it has to pass before the connection can bring another request. */
    private final class Rest extends Incomplete {

        private final HttpServerRequest request;

        Rest(HttpServerRequest request) {
            this.request = request;
        }

        void drop() {
            begin(request);
            request.endHandler(complete -> end());
            request.resume();
        }

        @Override
        void giveUp() {
            request.connection().close();
        }
    }

    /** Nobody will read the rest, so it can't be told from a next request. */
    private static void hangUpAfterAnswer(RoutingContext context) {
        context.response().putHeader(HttpHeaders.CONNECTION, HttpHeaders.CLOSE);
        context.addEndHandler(done -> context.request().connection().close());
    }
}
