package dev.latchkey.testing;

import io.vertx.core.json.JsonObject;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** What the service answered. */
public record Answer(HttpResponse<String> response) {

    public int status() {
        return response.statusCode();
    }

    public String body() {
        return response.body();
    }

    public JsonObject json() {
        return new JsonObject(response.body());
    }

    /** A header; empty if absent. */
    public String header(String name) {
        return response.headers().firstValue(name).orElse("");
    }

    /** A problem's {@code code}. */
    public String code() {
        return json().getString("code");
    }

    public String accessToken() {
        return json().getString("access_token");
    }

    public String refreshToken() {
        return json().getString("refresh_token");
    }

    /** A part of a JWT: 0 its header, 1 its claims. */
    public static JsonObject part(String jwt, int index) {
        return new JsonObject(
                new String(Base64.getUrlDecoder().decode(jwt.split("\\.")[index]), StandardCharsets.UTF_8));
    }

    /** Short enough to print by the hundred: a problem's code is what tells. */
    @Override
    public String toString() {
        return status() + " " + (body().contains("\"code\"") ? code() : "");
    }
}
