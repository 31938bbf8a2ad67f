package dev.latchkey.token;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.UUID;

/**
 * A refresh token that is known to be ours.
 *
 * @param session the session it belongs to, {@code family_id} in the database
 * @param generation 0 for the token of the login, one more at each rotation
 * @param secret its 32 secret bytes
 * @param text what the client holds
 */
public record Token(UUID session, int generation, byte[] secret, String text) {

    /** SHA-256 of the text in lower-case hex: all that the database knows of it. */
    public String hash() {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.US_ASCII));
            return HexFormat.of().formatHex(digest);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Never the text or the secret. */
    @Override
    public String toString() {
        return "Token[session=" + session + ", generation=" + generation + "]";
    }
}
