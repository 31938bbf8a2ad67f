package dev.latchkey.http;

import io.quarkus.runtime.configuration.MemorySize;
import io.vertx.core.http.HttpVersion;
import io.vertx.ext.web.RoutingContext;
import jakarta.inject.Singleton;
import jakarta.ws.rs.core.HttpHeaders;
import jakarta.ws.rs.ext.Provider;
import jakarta.ws.rs.ext.ReaderInterceptor;
import jakarta.ws.rs.ext.ReaderInterceptorContext;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.Serial;
import org.eclipse.microprofile.config.inject.ConfigProperty;
import org.jboss.resteasy.reactive.server.core.CurrentRequestManager;
import org.jboss.resteasy.reactive.server.vertx.VertxInputStream;

/** Refuses a body that turns out too long while it is read, since its length was not said (chunked). */
@Provider
@Singleton
class LongBodies implements ReaderInterceptor {

    static final String DETAIL = "The body is longer than a request of this service can be";

    private final long longestBody;

    LongBodies(@ConfigProperty(name = "quarkus.http.limits.max-body-size") MemorySize longestBody) {
        this.longestBody = longestBody.asLongValue();
    }

    /** Takes the counting from Quarkus, which would answer without a body. */
    static void count(RoutingContext context) {
        context.put(VertxInputStream.MAX_REQUEST_SIZE_KEY, Long.MAX_VALUE);
        context.next();
    }

    @Override
    public Object aroundReadFrom(ReaderInterceptorContext body) throws IOException {
        RoutingContext context = CurrentRequestManager.get().unwrap(RoutingContext.class);
        if (context.request().getHeader(HttpHeaders.CONTENT_LENGTH) == null) {
            body.setInputStream(new LimitedStream(body.getInputStream(), longestBody, context));
        }
        return body.proceed();
    }

    /** Of a kind that Jackson lets through as it is. */
    static final class TooLongException extends IOException {

        @Serial
        private static final long serialVersionUID = 1;
    }

    /** Nobody will read the rest, so it can't be told from a next request. */
    static void hangUpAfterAnswer(RoutingContext context) {
        if (context.request().version() == HttpVersion.HTTP_2) {
            // RFC 9113 §8.1: after a complete answer, a reset without an error tells the client to stop sending.
            context.addEndHandler(done -> context.response().reset(0));
        } else {
            context.response().putHeader("Connection", "close");
            context.addEndHandler(done -> context.request().connection().close());
        }
    }

    private static final class LimitedStream extends FilterInputStream {

        private final RoutingContext context;
        private long left;

        LimitedStream(InputStream body, long longest, RoutingContext context) {
            super(body);
            this.left = longest;
            this.context = context;
        }

        @Override
        public int read() throws IOException {
            byte[] one = new byte[1];
            return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
        }

        @Override
        public int read(byte[] bytes, int offset, int length) throws IOException {
            int count = super.read(bytes, offset, length);
            left -= Math.max(0, count);
            if (left < 0) {
                hangUpAfterAnswer(context);
                throw new TooLongException();
            }
            return count;
        }
    }
}
