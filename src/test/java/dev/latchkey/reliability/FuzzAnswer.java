package dev.latchkey.reliability;

import io.vertx.core.json.JsonObject;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The first answer in what came through a connection; a character is a byte, and names of headers are in lower case. */
record FuzzAnswer(int status, Map<String, String> headers, String body) {

    private static final String CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n";

    /** Empty if the other side hung up without an answer. */
    static Optional<FuzzAnswer> of(String received) {
        String text = received;
        while (text.startsWith(CONTINUE)) {
            text = text.substring(CONTINUE.length());
        }
        String[] parts = text.split("\r\n\r\n", 2);
        if (!text.startsWith("HTTP/1.") || parts.length == 1) {
            return Optional.empty();
        }
        String[] lines = parts[0].split("\r\n");
        Map<String, String> headers = Stream.of(lines)
                .skip(1)
                .map(line -> line.split(": ?", 2))
                .collect(Collectors.toMap(
                        line -> line[0].toLowerCase(Locale.ROOT), line -> line[1], (one, other) -> one + ", " + other));
        int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
        String body = parts[1].substring(0, Math.min(length, parts[1].length())); // that of a pipelined one may follow
        return Optional.of(new FuzzAnswer(Integer.parseInt(lines[0].split(" ")[1]), headers, body));
    }

    String header(String name) {
        return headers.getOrDefault(name, "");
    }

    /** The body, which has to be JSON. */
    JsonObject json() {
        return new JsonObject(new String(body.getBytes(StandardCharsets.ISO_8859_1), StandardCharsets.UTF_8));
    }
}
