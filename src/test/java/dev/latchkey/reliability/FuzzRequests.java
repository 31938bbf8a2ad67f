package dev.latchkey.reliability;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.FuzzInput;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.stream.Stream;

/** HTTP/1.1 requests that are right but for one part, and such of which nothing need be right; a character is a byte. */
final class FuzzRequests {

    private static final String REFRESH = "/api/auth/refresh";
    private static final String LOGOUT = "/api/auth/logout";
    private static final String ME = "GET /api/auth/me";
    private static final String LOGOUT_ALL = "POST /api/auth/logout-all";

    /** Refreshes for the most part: a password takes its time to hash. */
    private static final List<String> POSTS = Stream.of(
                    Collections.nCopies(30, REFRESH), Collections.nCopies(15, LOGOUT), Api.FIELDS.keySet())
            .flatMap(Collection::stream)
            .toList();

    private static final List<String> FORWARDING = List.of(
            "X-Forwarded-For: 203.0.113.7",
            "X-Forwarded-For: 203.0.113.7:4711, 10.0.0.1",
            "X-Forwarded-For: [2001:db8::7]:4711",
            "X-Forwarded-For: ",
            "X-Forwarded-Proto: https",
            "X-Forwarded-Host: app.example.org:8443",
            "X-Forwarded-Port: 443",
            "X-Forwarded-Prefix: /auth",
            "X-Forwarded-Ssl: on",
            "X-Forwarded-Trusted-Proxy: true",
            "Forwarded: for=203.0.113.7;proto=https;host=app.example.org, for=\"[2001:db8::7]:4711\"",
            "X-Request-Id: 01b2c3d4-0000-4000-8000-000000000000",
            "User-Agent: Mozilla/5.0 (X11; Linux x86_64) \u00c3\u00a4");

    /** Others that something between the socket and a resource may look at. */
    private static final List<String> OTHERS = List.of(
            "Accept: application/json, text/html;q=0.5, */*;q=0.1",
            "Accept-Language: de-CH, fr;q=0.9, *;q=0.5",
            "Accept-Encoding: gzip, br;q=0.5",
            "Accept-Charset: utf-8, iso-8859-1;q=0.5",
            "Content-Type: application/json; charset=utf-16",
            "Content-Type: multipart/form-data; boundary=x",
            "Content-Encoding: gzip",
            "Content-Language: de",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "Connection: keep-alive, Upgrade, HTTP2-Settings",
            "Upgrade: h2c",
            "Upgrade: websocket",
            "HTTP2-Settings: AAMAAABkAAQAAP__",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Expect: 100-continue",
            "Cookie: a=b; $Version=1; c=\"d\"",
            "Origin: https://app.example.org",
            "Origin: http://localhost:8080",
            "Access-Control-Request-Method: POST",
            "Host: app.example.org:8443",
            "Range: bytes=0-5",
            "If-None-Match: \"x\"",
            "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
            "TE: trailers",
            "Trailer: X",
            "X-HTTP-Method-Override: DELETE");

    private static final int LONGEST_HEADER = 4_000;

    private FuzzRequests() {}

    /** A call with any JSON, or nearly JSON, in any framing. */
    static String withJson(FuzzInput input, Session session) {
        String path = input.oneOf(POSTS);
        return request("POST " + path, List.of("Content-Type: application/json"), body(input, path, session), input);
    }

    /** A bearer call with anything for an access token. */
    static String withAuthorization(FuzzInput input, Session session) {
        String call = input.once(4) ? LOGOUT_ALL : ME;
        return request(call, List.of("Authorization: " + authorization(input, session)), "", input);
    }

    /** A call with some of the headers that a proxy adds, or that tell who calls. */
    static String withForwarding(FuzzInput input, Session session) {
        return withHeaders(input, session, FORWARDING);
    }

    /** Any of the others, changed in any place: not always HTTP. */
    static String raw(FuzzInput input, Session session) {
        String request = input.once(2)
                ? withHeaders(input, session, OTHERS)
                : input.once(2) ? withJson(input, session) : withForwarding(input, session);
        int end = input.oneOf(List.of(
                request.indexOf("\r\n") + 2, // of the first line
                request.indexOf("\r\n\r\n") + 4, // of the headers
                request.length()));
        return input.changed(request.substring(0, end)) + request.substring(end);
    }

    private static String withHeaders(FuzzInput input, Session session, List<String> choices) {
        List<String> headers = new ArrayList<>(List.of("Content-Type: application/json"));
        for (int more = 1 + input.below(4); more > 0; more--) {
            String[] header = input.oneOf(choices).split(": ", 2);
            headers.add(header[0] + ": " + (input.once(4) ? header[1] : legal(input.changed(header[1]))));
        }
        if (input.once(2)) {
            headers.add("Authorization: Bearer " + session.accessToken());
            return request(ME, headers, "", input);
        }
        String field = input.once(2) ? "refresh_token" : "x"; // without the token, violations are written
        return request("POST " + REFRESH, headers, "{" + member(field, session.refreshToken()) + "}", input);
    }

    private static String authorization(FuzzInput input, Session session) {
        String token = session.accessToken();
        String[] parts = token.split("\\.");
        String authorization = "Bearer "
                + switch (input.below(5)) {
                    case 0 -> encoded(input.changed(decoded(parts[0]))) + "." + parts[1] + "." + parts[2];
                    case 1 -> parts[0] + "." + encoded(input.changed(decoded(parts[1]))) + "." + parts[2];
                    case 2 -> encoded(input.changed("{\"alg\":\"none\",\"typ\":\"at+jwt\"}")) + "." + parts[1] + ".";
                    case 3 ->
                        encoded(input.changed("{\"alg\":\"dir\",\"enc\":\"A128GCM\",\"typ\":\"at+jwt\"}"))
                                + "..AAAAAAAAAAAAAAAA.AAAA.AAAAAAAAAAAAAAAAAAAAAA";
                    default -> token;
                };
        return legal(input.once(2) ? input.changed(authorization) : authorization);
    }

    private static String body(FuzzInput input, String path, Session session) {
        List<String> values =
                List.of(session.refreshToken(), "ada-%d@example.org".formatted(input.number64()), Api.PASSWORD);
        StringBuilder body = new StringBuilder();
        for (String field : Api.FIELDS.get(path)) {
            body.append(body.isEmpty() ? "" : ",").append(member(field, input.oneOf(values)));
        }
        String json = "{" + body + "}";
        return input.once(8) ? json : input.changed(json);
    }

    private static String member(String field, String value) {
        return "\"%s\":\"%s\"".formatted(field, value);
    }

    private static String request(String call, List<String> headers, String body, FuzzInput input) {
        List<String> lines = new ArrayList<>(List.of(call + " HTTP/1.1", "Host: localhost", "Connection: close"));
        lines.addAll(headers);
        boolean chunked = !body.isEmpty() && input.once(3);
        lines.add(chunked ? "Transfer-Encoding: chunked" : "Content-Length: " + body.length());
        return String.join("\r\n", lines) + "\r\n\r\n" + (chunked ? chunks(input, body) : body);
    }

    private static String chunks(FuzzInput input, String body) {
        StringBuilder chunks = new StringBuilder();
        for (int from = 0, to; from < body.length(); from = to) {
            to = Math.min(body.length(), from + 1 + input.below(200));
            chunks.append(Integer.toHexString(to - from))
                    .append(input.once(4) ? ";x=y" : "")
                    .append("\r\n")
                    .append(body, from, to)
                    .append("\r\n");
        }
        return chunks + "0\r\n" + (input.once(4) ? "X: y\r\n" : "") + "\r\n";
    }

    /** Without what no header may have, and not so long that the server takes no more of them. */
    private static String legal(String value) {
        String legal = value.replaceAll("[\\x00-\\x08\\x0a-\\x1f\\x7f]", "");
        return legal.substring(0, Math.min(legal.length(), LONGEST_HEADER));
    }

    private static String encoded(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.ISO_8859_1));
    }

    private static String decoded(String text) {
        return new String(Base64.getUrlDecoder().decode(text), StandardCharsets.ISO_8859_1);
    }
}
