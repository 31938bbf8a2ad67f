package dev.latchkey.token;

import jakarta.enterprise.context.ApplicationScoped;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/**
 * The text of a refresh token: {@code lk_} and 92 base64url characters of key id (1 byte), session (16), generation (4,
 * big-endian), secret (32), tag (16). The tag is over all bytes before it, so garbage is told without the database.
 */
@ApplicationScoped
public class TokenFormat {

    private static final String PREFIX = "lk_";
    private static final int SECRET_LENGTH = 32;
    private static final int TAGGED_LENGTH = 1 + 16 + 4 + SECRET_LENGTH;
    private static final int LENGTH = TAGGED_LENGTH + RefreshKey.TAG_LENGTH;
    private static final int TEXT_LENGTH = PREFIX.length() + LENGTH / 3 * 4;

    private final RefreshKeys keys;
    private final SecureRandom random = new SecureRandom();

    TokenFormat(RefreshKeys keys) {
        this.keys = keys;
    }

    /** What a presented text turned out to be: a token of ours, or the reason why not. */
    public record Reading(Optional<Token> token, boolean unknownKey) {

        private static final Reading MALFORMED = new Reading(Optional.empty(), false);
        private static final Reading UNKNOWN_KEY = new Reading(Optional.empty(), true);
    }

    /** Reads any text; only one that was made here, with a key that is still accepted, is a token. */
    public Reading read(String text) {
        if (text.length() != TEXT_LENGTH || !text.startsWith(PREFIX)) {
            return Reading.MALFORMED;
        }
        byte[] bytes;
        try {
            bytes = Base64.getUrlDecoder().decode(text.substring(PREFIX.length()));
        } catch (IllegalArgumentException e) {
            return Reading.MALFORMED;
        }
        if (bytes.length != LENGTH) { // padding
            return Reading.MALFORMED;
        }
        Optional<RefreshKey> key = keys.withId(bytes[0]);
        if (key.isEmpty()) {
            return Reading.UNKNOWN_KEY;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes, 1, LENGTH - 1);
        UUID session = new UUID(buffer.getLong(), buffer.getLong());
        int generation = buffer.getInt();
        byte[] secret = new byte[SECRET_LENGTH];
        buffer.get(secret);
        byte[] tag = new byte[RefreshKey.TAG_LENGTH];
        buffer.get(tag);
        if (!MessageDigest.isEqual(tag, key.get().tag(bytes, TAGGED_LENGTH)) || generation < 0) {
            return Reading.MALFORMED;
        }
        return new Reading(Optional.of(new Token(session, generation, secret, text)), false);
    }

    /** The first token of a new session. */
    Token first(UUID session) {
        byte[] secret = new byte[SECRET_LENGTH];
        random.nextBytes(secret);
        return write(keys.current(), session, 0, secret);
    }

    /** The token that follows the given one in the row of the given id, made with the current key. */
    public Token next(Token token, UUID successorId) {
        return next(token, successorId, keys.current());
    }

    /**
     * Finds the token that did follow the given one: the successor, made with any accepted key, that has the stored hash.
     * Empty when it was made with a key that is not known here.
     */
    public Optional<Token> next(Token token, RefreshTokens.Link link) {
        List<RefreshKey> accepted = keys.accepted();
        return accepted.stream()
                .map(key -> next(token, link.id(), key))
                .filter(next -> MessageDigest.isEqual(
                        next.hash().getBytes(), link.hash().getBytes()))
                .findFirst();
    }

    private Token next(Token token, UUID successorId, RefreshKey key) {
        return write(key, token.session(), token.generation() + 1, key.nextSecret(token.secret(), successorId));
    }

    private static Token write(RefreshKey key, UUID session, int generation, byte[] secret) {
        byte[] bytes = ByteBuffer.allocate(LENGTH)
                .put(key.id())
                .putLong(session.getMostSignificantBits())
                .putLong(session.getLeastSignificantBits())
                .putInt(generation)
                .put(secret)
                .array();
        System.arraycopy(key.tag(bytes, TAGGED_LENGTH), 0, bytes, TAGGED_LENGTH, RefreshKey.TAG_LENGTH);
        String text = PREFIX + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
        return new Token(session, generation, secret, text);
    }
}
