package dev.latchkey.account;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** That a login's answer does not tell whether the user exists: not by what it says, and not by when it comes. */
@QuarkusTest
@Tag("slow")
class LoginTimingTest {

    private static final int WARM_UP = 10;

    private final Api api = Api.underTest();

    private enum Kind {
        EXISTING,
        UNKNOWN,
        DISABLED
    }

    int tries() {
        return 100;
    }

    @Test
    void the_answer_and_its_time_do_not_tell_whether_a_user_exists() {
        Api.User existing = api.newUser();
        Api.User disabled = api.newUser();
        Db.update("UPDATE users SET disabled_at = now() WHERE id = ?", disabled.id());
        Map<Kind, String> emails = new EnumMap<>(Map.of(
                Kind.EXISTING,
                existing.email(),
                Kind.UNKNOWN,
                "no-" + existing.email(),
                Kind.DISABLED,
                disabled.email()));

        Map<Kind, List<Long>> micros = new EnumMap<>(Kind.class);
        Set<String> bodies = new HashSet<>();
        List<Kind> kinds = new ArrayList<>(Arrays.asList(Kind.values()));
        Random random = new Random(7);
        for (int i = 0; i < WARM_UP + tries(); i++) {
            Collections.shuffle(kinds, random); // none of them always comes after the same other
            for (Kind kind : kinds) {
                long start = System.nanoTime();
                Answer answer = api.login(emails.get(kind), kind == Kind.DISABLED ? Api.PASSWORD : "a wrong password");
                long took = (System.nanoTime() - start) / 1000;
                assertThat(answer.status()).isEqualTo(401);
                JsonObject json = answer.json();
                json.remove("request_id");
                bodies.add(json.encode());
                if (i >= WARM_UP) {
                    micros.computeIfAbsent(kind, k -> new ArrayList<>()).add(took);
                }
            }
        }

        assertThat(bodies).hasSize(1);
        micros.forEach((kind, times) -> {
            Collections.sort(times);
            System.out.printf(
                    "login of %-8s %d tries: quartiles %.1f, median %.1f, %.1f ms%n",
                    kind,
                    times.size(),
                    quantile(times, 0.25) / 1e3,
                    quantile(times, 0.5) / 1e3,
                    quantile(times, 0.75) / 1e3);
        });
        for (Kind one : Kind.values()) {
            for (Kind other : Kind.values()) {
                assertOverlap(micros.get(one), micros.get(other));
            }
        }
    }

    /** The medians differ by less than each one's times spread, or by less than 15 %. */
    private static void assertOverlap(List<Long> one, List<Long> other) {
        long difference = Math.abs(quantile(one, 0.5) - quantile(other, 0.5));
        long spread =
                Math.min(quantile(one, 0.75) - quantile(one, 0.25), quantile(other, 0.75) - quantile(other, 0.25));
        assertThat(difference).isLessThan(Math.max(spread, (long) (0.15 * quantile(one, 0.5))));
    }

    private static long quantile(List<Long> sorted, double which) {
        return sorted.get((int) (which * (sorted.size() - 1)));
    }
}
