package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Waiting;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The rules are worth something only if they catch a service that breaks them: builds with a known fault, which must be found. */
@Tag("faults")
class FaultyBuildIT {

    private static final int ROTATIONS = 1500;

    /** A race may take a while to happen. */
    private static final int MOST_ROTATIONS = 20 * ROTATIONS;

    private static final String NOT_ROTATED = "AND NOT t.revoked AND (t.expires_at > now()) IS TRUE";
    private static final String MARK_SESSION = "UPDATE login_sessions SET ended_at = now(), end_reason = ?";
    private static final String REVOKE = "UPDATE refresh_tokens t SET revoked_at = now(), revoked_reason = ?";
    private static final String NOTE = "SELECT user_id, id, %s FROM ended %s)";
    private static final String INSERT_MANY = "user_agent FROM old)";

    private static final Duration MOST_TIME = Duration.ofMinutes(2);

    /** What only shows when two calls meet. */
    private static final Set<String> RACES = Set.of(Rules.SIBLINGS, Rules.ALIVE_AFTER_END);

    /** The database would not let siblings in. */
    private static final String ALLOW_SIBLINGS = """
            DROP INDEX ux_refresh_tokens_family_generation;
            CREATE INDEX ix_family_generation ON refresh_tokens (family_id, generation)
            """;

    private static Postgres postgres;

    @BeforeAll
    static void startPostgres() {
        postgres = Postgres.start();
    }

    @AfterAll
    static void stopPostgres() {
        postgres.close();
    }

    @Test
    void a_sound_build_is_found_sound() {
        assertThat(violations(Map.of(), "SELECT 1", "nothing")).isEmpty();
    }

    @Test
    void a_lost_update_is_found() {
        Map<String, String> overwritten = Map.of(NOT_ROTATED, "AND (t.expires_at > now()) IS TRUE");
        assertFound(Rules.SIBLINGS, overwritten, ALLOW_SIBLINGS);
    }

    @Test
    void a_successor_that_was_never_stored_is_found() {
        Map<String, String> forgotten = Map.of(INSERT_MANY, "user_agent FROM old WHERE random() > 0.01)");
        assertFound(Rules.UNEXPECTED, forgotten, "SELECT 1");
    }

    @Test
    void a_sibling_handed_out_inside_the_retry_window_is_found() {
        Map<String, String> gracious = Map.of(
                NOT_ROTATED,
                "AND (NOT t.revoked OR t.revoked_at > now() - interval '6 seconds') AND (t.expires_at > now()) IS TRUE");
        assertFound(Rules.SIBLINGS, gracious, ALLOW_SIBLINGS);
    }

    @Test
    void a_revocation_that_is_rolled_back_is_found() {
        Map<String, String> rolledBack = Map.of(
                MARK_SESSION, "UPDATE login_sessions SET end_reason = ?",
                REVOKE, "UPDATE refresh_tokens t SET ip = coalesce(ip, ?)",
                NOTE, "SELECT user_id, id, %s FROM ended WHERE false %s)");
        assertFound(Rules.ALIVE_AFTER_END, rolledBack, "SELECT 1");
    }

    @Test
    void a_theft_that_leaves_no_record_is_found() {
        Map<String, String> silent = Map.of(NOTE, "SELECT user_id, id, %s FROM ended WHERE false %s)");
        assertFound("a theft is not in the audit log", silent, "SELECT 1");
    }

    @Test
    void a_logout_that_misses_the_successor_of_a_racing_refresh_is_found() {
        Map<String, String> tokensOnly = Map.of(MARK_SESSION, "UPDATE login_sessions SET end_reason = ?");
        assertFound(Rules.ALIVE_AFTER_END, tokensOnly, "SELECT 1");
    }

    private static void assertFound(String rule, Map<String, String> changes, String preparation) {
        assertThat(violations(changes, preparation, rule)).contains(rule);
    }

    /**
     * All violations as one text.
     *
     * @param sought what may end it early, and what is waited for longer if it only shows when two calls meet
     */
    private static String violations(Map<String, String> changes, String preparation, String sought) {
        OneDatabase database = postgres.newDatabase();
        try (Packaged faulty = Packaged.start(FaultyBuild.make(changes), Faults.settings(database))) {
            database.execute(preparation);
            try (Clients clients = Clients.start(List.of(faulty.base()), Faults.RETRY_WINDOW)) {
                long enough = RACES.contains(sought) ? MOST_ROTATIONS : ROTATIONS;
                Waiting.until(MOST_TIME, () -> clients.found(sought) || clients.rotations() >= enough);
                return String.join("\n", clients.finish(database).violations());
            }
        }
    }
}
