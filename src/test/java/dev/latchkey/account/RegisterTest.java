package dev.latchkey.account;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Race;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.net.http.HttpRequest;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

@QuarkusTest
class RegisterTest {

    private final Api api = Api.underTest();

    @Test
    void an_email_is_trimmed_and_otherwise_kept_as_given() {
        String email = "Ada.LoveLace+" + UUID.randomUUID() + "@Example.ORG";

        Answer answer = api.register(" \t" + email + " \n", Api.PASSWORD);

        assertThat(answer.status()).isEqualTo(201);
        assertThat(answer.json().getString("email")).isEqualTo(email);
        assertThat(Db.value(
                        "SELECT email FROM users WHERE id = ?::uuid",
                        answer.json().getString("id")))
                .isEqualTo(email);
    }

    @Test
    void an_email_may_have_254_characters_and_no_more() {
        String name = UUID.randomUUID().toString();
        String longest = name + "@" + "x".repeat(254 - name.length() - 1);

        assertThat(api.register("y" + longest, Api.PASSWORD).status()).isEqualTo(400);
        assertThat(api.register(longest, Api.PASSWORD).status()).isEqualTo(201);
        assertThat(api.login(longest, Api.PASSWORD).status()).isEqualTo(200);
    }

    @Test
    void what_is_no_email_is_refused() {
        for (String email : List.of(
                "",
                " ",
                "a",
                "@",
                "a@",
                "@b",
                "a@b@c",
                "a b@c",
                "a@b c",
                "a\u00a0@b",
                "a\u2028@b",
                "a\u0085@b",
                "a\u0000@b",
                "a\r\nb@c")) {
            Answer answer = api.register(email, Api.PASSWORD);
            assertThat(answer.status()).as(email).isEqualTo(400);
            assertThat(answer.json().getJsonArray("violations").getJsonObject(0).getString("field"))
                    .isEqualTo("email");
        }
    }

    @Test
    void a_password_has_8_to_128_characters_of_whatever_kind() {
        String[] characters = {"a", "é", "語", "\ud83d\ude00", " ", "\u0000", "\\"};
        for (String character : characters) {
            assertThat(register(character.repeat(7)).status()).as(character).isEqualTo(400);
            assertThat(register(character.repeat(129)).status()).as(character).isEqualTo(400);
            assertRegistersAndLogsIn(character.repeat(8));
            assertRegistersAndLogsIn(character.repeat(128));
        }
    }

    @Test
    void half_a_surrogate_pair_is_no_character_of_a_password() {
        for (String half : List.of("\\ud800", "\\udc00", "\\udc00\\ud800")) {
            String body = "{\"email\": \"%s\", \"password\": \"abcdefgh%s\"}".formatted(newEmail(), half);
            Answer answer = api.send(api.request("/api/auth/register")
                    .header("Content-Type", "application/json")
                    .POST(HttpRequest.BodyPublishers.ofString(body)));
            assertThat(answer.status()).as(half).isEqualTo(400);
        }
    }

    @Test
    void a_password_is_neither_trimmed_nor_cut() {
        String password = " " + "x".repeat(126) + "y";
        Api.User user = newUser(password);

        assertThat(api.login(user.email(), password).status()).isEqualTo(200);
        assertThat(api.login(user.email(), password.strip()).status()).isEqualTo(401);
        assertThat(api.login(user.email(), " " + "x".repeat(126) + "z").status())
                .isEqualTo(401);
    }

    @Test
    void of_many_who_register_the_same_email_at_once_one_succeeds() {
        String email = newEmail();
        try (Race race = new Race()) {
            Callable<Integer> runner = () -> api.register(email, Api.PASSWORD).status();

            List<Integer> statuses = race.run(Collections.nCopies(8, runner));

            assertThat(statuses).containsOnlyOnce(201).containsOnly(201, 409);
        }
        assertThat(Db.count("SELECT count(*) FROM users WHERE email = ?", email))
                .isEqualTo(1);
    }

    @Test
    void a_registration_is_recorded_with_who_asked_for_it() {
        JsonObject body = new JsonObject().put("email", newEmail()).put("password", Api.PASSWORD);

        Answer answer = api.post("/api/auth/register", body, "User-Agent", "Recorded/1.0");

        Map<String, Object> row = Db.rows(
                        "SELECT * FROM audit_logs WHERE user_id = ?::uuid",
                        answer.json().getString("id"))
                .get(0);
        assertThat(row)
                .containsEntry("event_type", "USER_REGISTERED")
                .containsEntry("ip", "127.0.0.1")
                .containsEntry("user_agent", "Recorded/1.0")
                .containsEntry("session_id", null);
        assertThat(row.get("created_at")).isNotNull();
    }

    @Test
    void a_refused_registration_leaves_nothing() {
        Api.User user = api.newUser();
        long before = Db.count("SELECT count(*) FROM audit_logs WHERE user_id = ?", user.id());

        assertThat(api.register(user.email(), Api.PASSWORD).status()).isEqualTo(409);

        assertThat(Db.count("SELECT count(*) FROM audit_logs WHERE user_id = ?", user.id()))
                .isEqualTo(before);
    }

    @Test
    void a_new_user_has_the_role_user_and_an_argon2id_hash() {
        Api.User user = api.newUser();

        Map<String, Object> row = Db.rows(
                        "SELECT array_to_string(roles, ',') AS roles, session_epoch, disabled_at, password_hash FROM users WHERE id = ?",
                        user.id())
                .get(0);

        assertThat(row)
                .containsEntry("roles", "user")
                .containsEntry("session_epoch", 0)
                .containsEntry("disabled_at", null);
        assertThat((String) row.get("password_hash")).startsWith("$argon2id$v=19$m=19456,t=2,p=1$");
    }

    private Answer register(String password) {
        return api.register(newEmail(), password);
    }

    private Api.User newUser(String password) {
        String email = newEmail();
        Answer answer = api.register(email, password);
        assertThat(answer.status()).as(answer.body()).isEqualTo(201);
        return new Api.User(UUID.fromString(answer.json().getString("id")), email);
    }

    private void assertRegistersAndLogsIn(String password) {
        Api.User user = newUser(password);
        assertThat(api.login(user.email(), password).status()).isEqualTo(200);
    }

    private static String newEmail() {
        return "user-" + UUID.randomUUID() + "@example.org";
    }
}
