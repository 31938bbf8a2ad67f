package dev.latchkey.token;

import dev.latchkey.testing.OneDatabase;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.IntStream;

/** Sessions by the thousand, without the password that each login would have to hash. */
public final class InsertedSessions {

    private static final String INSERT = """
            WITH given AS (SELECT * FROM unnest(?::uuid[], ?::text[]) AS t (session, hash)),
                 owner AS (INSERT INTO users (email) VALUES (gen_random_uuid() || '@example.org') RETURNING id, session_epoch),
                 sessions AS (
                     INSERT INTO login_sessions (id, user_id, user_epoch, expires_at)
                     SELECT session, id, session_epoch, now() + interval '90 days' FROM given, owner)
            INSERT INTO refresh_tokens (id, user_id, family_id, generation, token_hash, expires_at)
            SELECT gen_random_uuid(), id, session, 0, hash, now() + interval '30 days' FROM given, owner
            """;

    private InsertedSessions() {}

    /**
     * Begins sessions of one user, in the database of a service with the given settings.
     *
     * @return the first refresh token of each
     */
    public static String[] begin(int count, OneDatabase database, Map<String, String> settings) {
        TokenFormat format = new TokenFormat(new RefreshKeys(settings.get("JWT_REFRESH_SECRET"), Optional.empty()));
        Token[] tokens = IntStream.range(0, count)
                .mapToObj(i -> format.first(UUID.randomUUID()))
                .toArray(Token[]::new);
        UUID[] ids = new UUID[count];
        String[] hashes = new String[count];
        String[] texts = new String[count];
        for (int i = 0; i < count; i++) {
            ids[i] = tokens[i].session();
            hashes[i] = tokens[i].hash();
            texts[i] = tokens[i].text();
        }
        database.update(INSERT, ids, hashes);
        return texts;
    }
}
