package dev.latchkey.testing;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A collector of traces: takes OTLP over HTTP, and keeps it. */
public final class Collector implements AutoCloseable {

    private final HttpServer server;
    private final List<byte[]> requests = new CopyOnWriteArrayList<>();

    /** One that has ended. */
    public record Span(String trace, String id, String parent, String name) {}

    private Collector(HttpServer server) {
        this.server = server;
    }

    public static Collector start() {
        try {
            Collector collector = new Collector(HttpServer.create(new InetSocketAddress("localhost", 0), 0));
            collector.server.createContext("/v1/traces", exchange -> {
                collector.requests.add(exchange.getRequestBody().readAllBytes());
                exchange.getResponseHeaders().add("Content-Type", "application/x-protobuf");
                exchange.sendResponseHeaders(200, -1);
            });
            collector.server.start();
            return collector;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public String endpoint() {
        return "http://localhost:" + server.getAddress().getPort();
    }

    /** Every byte that came, each as a character, so that text can be looked for. */
    public String everything() {
        StringBuilder text = new StringBuilder();
        requests.forEach(request -> text.append(new String(request, StandardCharsets.ISO_8859_1)));
        return text.toString();
    }

    public List<Span> spans() {
        List<Span> spans = new ArrayList<>();
        for (byte[] request : requests) {
            for (byte[] span : parts(request, 1, 2, 2)) {
                spans.add(new Span(hex(span, 1), hex(span, 2), hex(span, 4), text(parts(span, 5))));
            }
        }
        return spans;
    }

    /** What the service says of itself, as {@code key=value}. */
    public List<String> resource() {
        return requests.stream()
                .flatMap(request -> parts(request, 1, 1, 1).stream())
                .map(attribute -> text(parts(attribute, 1)) + "=" + text(parts(attribute, 2, 1)))
                .distinct()
                .toList();
    }

    private static String hex(byte[] message, int field) {
        return parts(message, field).stream()
                .map(HexFormat.of()::formatHex)
                .findFirst()
                .orElse("");
    }

    private static String text(List<byte[]> parts) {
        return parts.isEmpty() ? "" : new String(parts.get(0), StandardCharsets.UTF_8);
    }

    /** What a protobuf message has under these field numbers, from the outermost to the innermost. */
    private static List<byte[]> parts(byte[] message, int... path) {
        List<byte[]> found = List.of(message);
        for (int field : path) {
            found = found.stream().flatMap(each -> part(each, field).stream()).toList();
        }
        return found;
    }

    private static List<byte[]> part(byte[] message, int field) {
        List<byte[]> found = new ArrayList<>();
        ByteBuffer rest = ByteBuffer.wrap(message);
        while (rest.hasRemaining()) {
            long tag = varint(rest);
            switch ((int) (tag & 7)) {
                case 0 -> varint(rest);
                case 1 -> rest.getLong();
                case 2 -> {
                    byte[] part = new byte[(int) varint(rest)];
                    rest.get(part);
                    if (tag >>> 3 == field) {
                        found.add(part);
                    }
                }
                case 5 -> rest.getInt();
                default -> throw new IllegalStateException("not protobuf");
            }
        }
        return found;
    }

    private static long varint(ByteBuffer from) {
        long value = 0;
        for (int shift = 0; ; shift += 7) {
            byte next = from.get();
            value |= (next & 0x7fL) << shift;
            if (next >= 0) {
                return value;
            }
        }
    }

    @Override
    public void close() {
        server.stop(0);
    }
}
