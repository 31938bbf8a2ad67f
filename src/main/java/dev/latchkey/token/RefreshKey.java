package dev.latchkey.token;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.UUID;

/** What one refresh secret yields (HKDF-SHA-256, RFC 5869): a key for tags, a key for successors, and a byte to tell keys apart. */
final class RefreshKey {

    static final int TAG_LENGTH = 16;

    private final byte id;
    private final HmacSha256 tagKey;
    private final HmacSha256 nextKey;

    RefreshKey(String secret) {
        this.id = HmacSha256.derive(secret, "latchkey/refresh/id/1", 1)[0];
        this.tagKey = key(secret, "latchkey/refresh/tag/1");
        this.nextKey = key(secret, "latchkey/refresh/next/1");
    }

    private static HmacSha256 key(String secret, String info) {
        return new HmacSha256(HmacSha256.derive(secret, info, HmacSha256.LENGTH));
    }

    /** The first byte of every token made with this key. */
    byte id() {
        return id;
    }

    /** The tag over a token's other bytes. */
    byte[] tag(byte[] token, int length) {
        return Arrays.copyOf(tagKey.of(ByteBuffer.wrap(token, 0, length)), TAG_LENGTH);
    }

    /**
     * The secret of the token that follows: it takes the presented token, the successor's row and this key together, so
     * none of client, database and service can make it alone, and a retry makes the same one again.
     */
    byte[] nextSecret(byte[] secret, UUID successorId) {
        ByteBuffer row = ByteBuffer.allocate(16)
                .putLong(successorId.getMostSignificantBits())
                .putLong(successorId.getLeastSignificantBits())
                .flip();
        return nextKey.of(ByteBuffer.wrap(secret), row);
    }
}
