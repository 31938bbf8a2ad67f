package dev.latchkey.ops;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.common.AttributeType;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import jakarta.inject.Singleton;
import java.util.Set;

/**
 * Keeps what a client wrote out of traces: in a path, a query or a header there may be a token, by mistake. The route is in
 * the span's name.
 */
@Singleton
class SpanTexts implements SpanProcessor {

    /** Of these a client can only choose among known values. */
    private static final Set<String> KEPT =
            Set.of("http.request.method", "url.scheme", "network.protocol.name", "network.protocol.version");

    @Override
    @SuppressWarnings("unchecked")
    public void onStart(Context parent, ReadWriteSpan span) {
        if (span.getKind() != SpanKind.SERVER) {
            return;
        }
        span.getAttributes().forEach((key, value) -> {
            if (key.getType() == AttributeType.STRING && !KEPT.contains(key.getKey())) {
                span.setAttribute((AttributeKey<String>) key, "");
            }
        });
    }

    @Override
    public boolean isStartRequired() {
        return true;
    }

    @Override
    public void onEnd(ReadableSpan span) {}

    @Override
    public boolean isEndRequired() {
        return false;
    }
}
