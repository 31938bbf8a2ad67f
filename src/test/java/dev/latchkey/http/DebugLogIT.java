package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** An operator who looks closer finds no key, token or password in the log either. */
@Tag("slow")
class DebugLogIT {

    /** Any will do: this database asks nobody who he is. */
    private static final String DATABASE_PASSWORD = "the-password-of-the-database";

    @Test
    void nothing_that_is_secret_is_logged_at_debug() {
        try (Postgres postgres = Postgres.start()) {
            OneDatabase database = postgres.newDatabase();
            Map<String, String> settings = new HashMap<>(database.settings());
            settings.put("LOG_LEVEL", "DEBUG");
            settings.put("DB_PASSWORD", DATABASE_PASSWORD);
            settings.merge("DB_URL", "password=" + DATABASE_PASSWORD, DebugLogIT::withParameter);
            try (Packaged packaged = Packaged.start(settings)) {
                Api api = packaged.api();
                Api.Session session = api.newSession();
                String live = api.refresh(session.refreshToken()).refreshToken();
                assertThat(api.me(session.accessToken()).status()).isEqualTo(200);
                String[] parts = session.accessToken().split("\\.");
                String otherKey = Base64.getUrlEncoder()
                        .withoutPadding()
                        .encodeToString("{\"alg\":\"HS256\",\"typ\":\"at+jwt\",\"kid\":\"other\"}"
                                .getBytes(StandardCharsets.UTF_8));
                assertThat(api.me(otherKey + "." + parts[1] + "." + parts[2]).status())
                        .isEqualTo(401);
                assertThat(api.me(session.accessToken() + "x").status()).isEqualTo(401);
                assertThat(api.logout(live).status()).isEqualTo(204);

                String log = packaged.output();
                assertThat(log).contains("\"level\":\"DEBUG\"");
                for (String secret : secrets(settings, session, live, parts)) {
                    int found = log.indexOf(secret);
                    assertThat(found < 0 ? "" : log.substring(Math.max(0, found - 300), found))
                            .isEmpty();
                }
            }
        }
    }

    private static List<String> secrets(
            Map<String, String> settings, Api.Session session, String live, String[] parts) {
        return List.of(
                settings.get("JWT_ACCESS_SECRET"),
                base64url(settings.get("JWT_ACCESS_SECRET")),
                settings.get("JWT_REFRESH_SECRET"),
                base64url(settings.get("JWT_REFRESH_SECRET")),
                session.refreshToken(),
                live,
                parts[1],
                parts[2],
                Api.PASSWORD,
                DATABASE_PASSWORD);
    }

    private static String withParameter(String url, String parameter) {
        return url + (url.contains("?") ? "&" : "?") + parameter;
    }

    private static String base64url(String text) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(StandardCharsets.UTF_8));
    }
}
