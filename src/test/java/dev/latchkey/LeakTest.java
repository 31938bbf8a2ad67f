package dev.latchkey;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.Tokens;
import io.quarkus.test.junit.QuarkusTest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.eclipse.microprofile.config.ConfigProvider;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Runs last: after the whole suite no token, secret or password is found in any table, the log or the metrics. */
@QuarkusTest
@Order(Integer.MAX_VALUE)
@Tag("last")
class LeakTest {

    private static final Pattern REFRESH_TOKEN = Pattern.compile("lk_[A-Za-z0-9_-]{92}");
    private static final Pattern ACCESS_TOKEN = Pattern.compile("eyJ[A-Za-z0-9_-]{10,}\\.[A-Za-z0-9_-]{10,}");

    private final Api api = Api.underTest();

    /** Where Quarkus has the service log the suite, in the test's JVM or packaged. */
    private static final Path LOG = Path.of("target/quarkus.log");

    List<String> secrets() {
        return List.of(
                ConfigProvider.getConfig().getValue("latchkey.jwt-access-secret", String.class),
                ConfigProvider.getConfig().getValue("latchkey.jwt-refresh-secret", String.class));
    }

    @Test
    void nothing_that_was_secret_is_in_tables_log_or_metrics() throws IOException {
        Session session = api.newSession();
        String live = api.refresh(session.refreshToken()).refreshToken();
        api.refresh(session.refreshToken());
        Tokens.age(session.id(), 31);
        api.refresh(session.refreshToken()); // theft, which is logged
        api.logout(live);
        api.refresh(live);

        Map<String, String> places = places();
        List<String> forbidden = new ArrayList<>(secrets());
        forbidden.add(Api.PASSWORD);
        for (String token : List.of(session.refreshToken(), live)) {
            forbidden.add(token.substring(3));
            forbidden.add(token.substring(32, 70)); // the secret bytes in its middle
        }

        assertThat(places.get("log")).contains("Refresh token reuse: session " + session.id());
        assertThat(places.get("table refresh_tokens")).contains(session.id().toString());
        places.forEach((place, text) -> {
            assertThat(first(REFRESH_TOKEN, text)).as(place).isEmpty();
            assertThat(first(ACCESS_TOKEN, text)).as(place).isEmpty();
            for (String secret : forbidden) {
                int found = text.indexOf(secret);
                assertThat(found < 0 ? "" : around(text, found)).as(place).isEmpty();
            }
        });
    }

    private Map<String, String> places() throws IOException {
        Map<String, String> places = new LinkedHashMap<>();
        places.put("log", Files.readString(LOG));
        places.put(
                "metrics",
                Management.api().send(Management.api().request("/q/metrics")).body());
        for (Map<String, Object> table : Db.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")) {
            String name = (String) table.get("tablename");
            String rows = Db.rows("SELECT t::text FROM \"" + name + "\" t").stream()
                    .map(row -> String.valueOf(row.get("t")))
                    .collect(Collectors.joining("\n"));
            places.put("table " + name, rows);
        }
        return places;
    }

    private static String first(Pattern pattern, String text) {
        Matcher matcher = pattern.matcher(text);
        return matcher.find() ? around(text, matcher.start()) : "";
    }

    private static String around(String text, int index) {
        return text.substring(Math.max(0, index - 100), Math.min(text.length(), index + 200));
    }
}
