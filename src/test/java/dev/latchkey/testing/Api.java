package dev.latchkey.testing;

import io.restassured.RestAssured;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Supplier;

/** A client of the service, as an application would write it; may be used by many threads. */
public final class Api {

    public static final String PASSWORD = "correct horse battery";

    /** The calls that read a body, each with its string fields. */
    public static final Map<String, List<String>> FIELDS = Map.of(
            "/api/auth/register",
            List.of("email", "password"),
            "/api/auth/login",
            List.of("email", "password", "device"),
            "/api/auth/refresh",
            List.of("refresh_token"),
            "/api/auth/logout",
            List.of("refresh_token"));

    private static final HttpClient CLIENT =
            HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

    private final Supplier<String> base;

    private Api(Supplier<String> base) {
        this.base = base;
    }

    /** The service that Quarkus started for the test, in the test's JVM or packaged; its port is known once a test runs. */
    public static Api underTest() {
        return new Api(() -> "http://localhost:" + RestAssured.port);
    }

    public static Api at(String base) {
        return new Api(() -> base);
    }

    /** A user of this test alone. */
    public record User(UUID id, String email) {}

    /** A session that has just begun. */
    public record Session(UUID id, UUID user, String accessToken, String refreshToken) {}

    public User newUser() {
        String email = "user-" + UUID.randomUUID() + "@example.org";
        Answer answer = register(email, PASSWORD);
        if (answer.status() != 201) {
            throw new IllegalStateException("register: " + answer);
        }
        return new User(UUID.fromString(answer.json().getString("id")), email);
    }

    /** A session of a user of its own. */
    public Session newSession() {
        return logIn(newUser());
    }

    public Session logIn(User user) {
        Answer answer = login(user.email(), PASSWORD);
        if (answer.status() != 200) {
            throw new IllegalStateException("login: " + answer);
        }
        return new Session(
                UUID.fromString(answer.json().getString("session_id")),
                user.id(),
                answer.accessToken(),
                answer.refreshToken());
    }

    public Answer register(String email, String password) {
        return post("/api/auth/register", new JsonObject().put("email", email).put("password", password));
    }

    public Answer login(String email, String password) {
        return post("/api/auth/login", new JsonObject().put("email", email).put("password", password));
    }

    public Answer refresh(String refreshToken) {
        return post("/api/auth/refresh", new JsonObject().put("refresh_token", refreshToken));
    }

    /** Refreshes so many times, each time with the token of the last answer that brought one. */
    public List<Answer> refreshChain(String first, int length) {
        List<Answer> answers = new ArrayList<>();
        String token = first;
        for (int i = 0; i < length; i++) {
            Answer answer = refresh(token);
            answers.add(answer);
            token = answer.status() == 200 ? answer.refreshToken() : token;
        }
        return answers;
    }

    public Answer logout(String refreshToken) {
        return post("/api/auth/logout", new JsonObject().put("refresh_token", refreshToken));
    }

    public Answer logoutAll(String accessToken) {
        return send(request("/api/auth/logout-all")
                .header("Authorization", "Bearer " + accessToken)
                .POST(HttpRequest.BodyPublishers.noBody()));
    }

    public Answer me(String accessToken) {
        return send(request("/api/auth/me").header("Authorization", "Bearer " + accessToken));
    }

    /** Posts JSON, with more headers (name, value, …) if need be. */
    public Answer post(String path, JsonObject body, String... headers) {
        HttpRequest.Builder request = request(path).header("Content-Type", "application/json");
        if (headers.length > 0) {
            request.headers(headers);
        }
        return send(request.POST(HttpRequest.BodyPublishers.ofString(body.encode())));
    }

    public HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(URI.create(base.get() + path)).timeout(Duration.ofSeconds(30));
    }

    public Answer send(HttpRequest.Builder request) {
        try {
            return new Answer(CLIENT.send(request.build(), HttpResponse.BodyHandlers.ofString()));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
