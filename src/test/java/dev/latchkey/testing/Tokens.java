package dev.latchkey.testing;

import java.util.List;
import java.util.Map;
import java.util.UUID;

/** Looks at, and tampers with, the tokens of a session in the database. */
public final class Tokens {

    private Tokens() {}

    /** All rows of a session, oldest generation first. */
    public static List<Map<String, Object>> rows(UUID session) {
        return Db.rows("SELECT * FROM refresh_tokens WHERE family_id = ? ORDER BY generation", session);
    }

    /** Makes all rotations of a session seem to have happened so many seconds earlier. */
    public static void age(UUID session, int seconds) {
        Db.update(
                "UPDATE refresh_tokens SET revoked_at = revoked_at - ? * interval '1 second' WHERE family_id = ? AND revoked",
                seconds,
                session);
    }

    /** How many rows of a session are not revoked. */
    public static long unrevoked(UUID session) {
        return Db.count("SELECT count(*) FROM refresh_tokens WHERE family_id = ? AND NOT revoked", session);
    }

    /** How many tokens of a session could be refreshed, by the rules of the design. */
    public static long live(UUID session) {
        return Db.count("""
                SELECT count(*) FROM refresh_tokens t JOIN login_sessions s ON s.id = t.family_id JOIN users u ON u.id = s.user_id
                WHERE t.family_id = ? AND NOT t.revoked AND t.expires_at > now() AND s.ended_at IS NULL AND s.expires_at > now()
                  AND u.disabled_at IS NULL AND u.session_epoch = s.user_epoch
                """, session);
    }

    /** A session's audit rows of one kind. */
    public static List<Map<String, Object>> audit(UUID session, String event) {
        return Db.rows("SELECT * FROM audit_logs WHERE session_id = ? AND event_type = ? ORDER BY id", session, event);
    }
}
