package dev.latchkey.account;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.Race;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.springframework.security.crypto.argon2.Argon2PasswordEncoder;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder.BCryptVersion;

@QuarkusTest
class LoginTest {

    private final Api api = Api.underTest();

    @Test
    void an_email_is_trimmed_and_compared_without_case() {
        Api.User user = api.newUser();

        assertThat(api.login("  " + user.email().toUpperCase() + "\t", Api.PASSWORD)
                        .status())
                .isEqualTo(200);
    }

    @Test
    void a_wrong_password_is_refused() {
        Api.User user = api.newUser();

        for (String password : List.of("", "x", Api.PASSWORD + " ", Api.PASSWORD.toUpperCase(), "x".repeat(4000))) {
            assertThat(api.login(user.email(), password).code()).isEqualTo("invalid_credentials");
        }
    }

    @Test
    void unknown_disabled_passwordless_and_mistaken_users_get_the_same_answer() {
        Api.User existing = api.newUser();
        Api.User disabled = api.newUser();
        Api.User passwordless = api.newUser();
        Db.update("UPDATE users SET disabled_at = now() WHERE id = ?", disabled.id());
        Db.update("UPDATE users SET password_hash = NULL WHERE id = ?", passwordless.id());

        List<Answer> answers = List.of(
                api.login(existing.email(), "a wrong password"),
                api.login("nobody-" + existing.email(), Api.PASSWORD),
                api.login(disabled.email(), Api.PASSWORD),
                api.login(disabled.email(), "a wrong password"),
                api.login(passwordless.email(), Api.PASSWORD),
                api.login("", Api.PASSWORD));

        assertThat(answers).allMatch(answer -> answer.status() == 401);
        assertThat(answers.stream().map(LoginTest::withoutRequestId).distinct()).hasSize(1);
    }

    @Test
    void a_hash_of_no_known_kind_can_not_log_in() {
        Api.User user = api.newUser();
        for (String hash : List.of(
                "",
                "x",
                Api.PASSWORD,
                "{noop}" + Api.PASSWORD,
                "$2a$",
                "$2b$10$short",
                "$argon2id$",
                "$argon2id$v=19$m=19456,t=2,p=1$x$y",
                "$1$abc$def",
                "$2y$99$" + "a".repeat(53))) {
            Db.update("UPDATE users SET password_hash = ? WHERE id = ?", hash, user.id());
            assertThat(api.login(user.email(), Api.PASSWORD).code()).as(hash).isEqualTo("invalid_credentials");
        }
    }

    @Test
    void an_imported_bcrypt_hash_logs_in_and_is_replaced() {
        for (BCryptVersion version : BCryptVersion.values()) {
            Api.User user = api.newUser();
            String imported = new BCryptPasswordEncoder(version, 4).encode(Api.PASSWORD);
            setHash(user, imported);

            assertThat(api.login(user.email(), "a wrong password").status()).isEqualTo(401);
            assertThat(hash(user)).isEqualTo(imported);
            assertThat(api.login(user.email(), Api.PASSWORD).status())
                    .as(imported)
                    .isEqualTo(200);
            assertThat(hash(user)).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
            assertThat(api.login(user.email(), Api.PASSWORD).status()).isEqualTo(200);
        }
    }

    /** bcrypt sees 72 bytes at most; what it took then it has to take now. */
    @Test
    void an_imported_bcrypt_hash_of_a_long_password_logs_in() {
        Api.User user = api.newUser();
        setHash(user, new BCryptPasswordEncoder(4).encode("x".repeat(72)));

        assertThat(api.login(user.email(), "x".repeat(100)).status()).isEqualTo(200);
        assertThat(api.login(user.email(), "x".repeat(100)).status()).isEqualTo(200);
        assertThat(api.login(user.email(), "x".repeat(72)).status()).isEqualTo(401);
    }

    @Test
    void a_hash_of_lower_cost_is_replaced_and_one_of_the_right_cost_is_kept() {
        Api.User user = api.newUser();
        setHash(user, new Argon2PasswordEncoder(16, 32, 1, 1024, 1).encode(Api.PASSWORD));

        api.logIn(user);
        String upgraded = hash(user);
        api.logIn(user);

        assertThat(upgraded).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
        assertThat(hash(user)).isEqualTo(upgraded);
    }

    @Test
    void many_logins_at_once_upgrade_a_hash_once_and_all_succeed() {
        Api.User user = api.newUser();
        setHash(user, new Argon2PasswordEncoder(16, 32, 1, 1024, 1).encode(Api.PASSWORD));
        try (Race race = new Race()) {
            Callable<Integer> login =
                    () -> api.login(user.email(), Api.PASSWORD).status();
            assertThat(race.run(Collections.nCopies(6, login))).containsOnly(200);
        }
        assertThat(hash(user)).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
        assertThat(api.login(user.email(), Api.PASSWORD).status()).isEqualTo(200);
    }

    @Test
    void a_device_is_kept_without_control_characters_and_has_at_most_100_characters() {
        Api.User user = api.newUser();

        Answer answer = login(user, "Ada's \u0007ph\u0000one\r\n \ud83d\ude00", "agent");

        assertThat(answer.status()).isEqualTo(200);
        assertThat(session(answer)).containsEntry("device", "Ada's phone \ud83d\ude00");
        assertThat(login(user, "x".repeat(100), "agent").status()).isEqualTo(200);
        assertThat(login(user, "x".repeat(101), "agent").status()).isEqualTo(400);
        assertThat(session(login(user, null, "agent"))).containsEntry("device", null);
    }

    @Test
    void a_user_agent_is_cut_at_512_characters() {
        Answer answer = login(api.newUser(), null, "a".repeat(511) + "bcd");

        assertThat(session(answer)).containsEntry("user_agent", "a".repeat(511) + "b");
        assertThat(Db.value(
                        "SELECT user_agent FROM refresh_tokens WHERE family_id = ?::uuid",
                        answer.json().getString("session_id")))
                .isEqualTo("a".repeat(511) + "b");
    }

    @Test
    void a_login_is_recorded_with_who_did_it() {
        Answer answer = login(api.newUser(), "Ada's phone", "Recorded/2.0");

        Map<String, Object> row = Db.rows(
                        "SELECT *, details ->> 'device' AS device FROM audit_logs WHERE session_id = ?::uuid",
                        answer.json().getString("session_id"))
                .get(0);
        assertThat(row)
                .containsEntry("event_type", "LOGIN_SUCCEEDED")
                .containsEntry("ip", "127.0.0.1")
                .containsEntry("user_agent", "Recorded/2.0")
                .containsEntry("device", "Ada's phone")
                .containsEntry("generation", null);
        assertThat(row.get("user_id")).isNotNull();
    }

    @Test
    void logins_are_counted_by_their_outcome() {
        Api.User user = api.newUser();
        double succeeded = Management.metric("latchkey_logins_total{outcome=\"succeeded\"}");
        double refused = Management.metric("latchkey_logins_total{outcome=\"invalid_credentials\"}");

        api.login(user.email(), Api.PASSWORD);
        api.login(user.email(), "a wrong password");
        api.login("nobody-" + user.email(), "a wrong password");

        assertThat(Management.metric("latchkey_logins_total{outcome=\"succeeded\"}"))
                .isEqualTo(succeeded + 1);
        assertThat(Management.metric("latchkey_logins_total{outcome=\"invalid_credentials\"}"))
                .isEqualTo(refused + 2);
    }

    @Test
    void a_burst_of_logins_is_answered_and_starves_no_refresh() {
        Api.User user = api.newUser();
        Api.Session session = api.logIn(user);
        double before = Management.metric("latchkey_logins_total{outcome=\"overloaded\"}");
        try (Race race = new Race()) {
            Callable<Answer> login = () -> api.login(user.email(), Api.PASSWORD);
            Future<List<Answer>> burst = race.start(() -> race.run(Collections.nCopies(200, login)));

            List<Long> millis = new ArrayList<>();
            String token = session.refreshToken();
            while (!burst.isDone()) {
                long start = System.nanoTime();
                Answer refreshed = api.refresh(token);
                millis.add((System.nanoTime() - start) / 1_000_000);
                assertThat(refreshed.status()).as(refreshed.body()).isEqualTo(200);
                token = refreshed.refreshToken();
            }

            List<Answer> answers = Race.result(burst);
            List<Answer> refused =
                    answers.stream().filter(answer -> answer.status() != 200).toList();
            Collections.sort(millis);
            System.out.printf(
                    "burst of 200 logins: %d accepted, %d refused; meanwhile %d refreshes, median %d ms, slowest %d ms%n",
                    200 - refused.size(),
                    refused.size(),
                    millis.size(),
                    millis.get(millis.size() / 2),
                    millis.get(millis.size() - 1));
            assertThat(refused).isNotEmpty().hasSizeLessThan(200);
            assertThat(refused).allSatisfy(answer -> {
                assertThat(answer.status()).isEqualTo(503);
                assertThat(answer.code()).isEqualTo("overloaded");
                assertThat(answer.header("Retry-After")).matches("[1-9][0-9]*");
            });
            assertThat(millis.get(millis.size() / 2)).isLessThan(1000);
            assertThat(Management.metric("latchkey_logins_total{outcome=\"overloaded\"}"))
                    .isEqualTo(before + refused.size());
        }
    }

    @Test
    void neither_password_nor_token_is_in_any_table() {
        String password = "a password that is nowhere " + System.nanoTime();
        String email = "plain-" + System.nanoTime() + "@example.org";
        api.register(email, password);
        Answer login = api.login(email, password);
        String next = api.refresh(login.refreshToken()).refreshToken();
        api.refresh(login.refreshToken());
        api.logout(login.refreshToken());

        for (Map<String, Object> table :
                Db.rows("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")) {
            for (String secret :
                    List.of(password, login.refreshToken(), next, login.accessToken(), next.substring(40))) {
                assertThat(Db.count(
                                "SELECT count(*) FROM " + table.get("table_name") + " t WHERE strpos(t::text, ?) > 0",
                                secret))
                        .as(table.toString())
                        .isZero();
            }
        }
    }

    private Answer login(Api.User user, String device, String userAgent) {
        JsonObject body = new JsonObject()
                .put("email", user.email())
                .put("password", Api.PASSWORD)
                .put("device", device);
        return api.post("/api/auth/login", body, "User-Agent", userAgent);
    }

    private static Map<String, Object> session(Answer answer) {
        return Db.rows(
                        "SELECT * FROM login_sessions WHERE id = ?::uuid",
                        answer.json().getString("session_id"))
                .get(0);
    }

    private static String hash(Api.User user) {
        return (String) Db.value("SELECT password_hash FROM users WHERE id = ?", user.id());
    }

    private static void setHash(Api.User user, String hash) {
        Db.update("UPDATE users SET password_hash = ? WHERE id = ?", hash, user.id());
    }

    private static String withoutRequestId(Answer answer) {
        JsonObject json = answer.json();
        json.remove("request_id");
        return json.encode();
    }
}
