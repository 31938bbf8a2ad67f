package dev.latchkey.token;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;

/** What one refresh secret yields (HKDF-SHA-256, RFC 5869): a key for tags, a key for successors, and a byte to tell keys apart. */
final class RefreshKey {

    static final int TAG_LENGTH = 16;
    private static final int KEY_LENGTH = 32;

    private final byte id;
    private final SecretKeySpec tagKey;
    private final SecretKeySpec nextKey;

    RefreshKey(String secret) {
        byte[] material = secret.getBytes(StandardCharsets.UTF_8);
        this.id = derive(material, "latchkey/refresh/id/1", 1)[0];
        this.tagKey = hmacKey(derive(material, "latchkey/refresh/tag/1", KEY_LENGTH));
        this.nextKey = hmacKey(derive(material, "latchkey/refresh/next/1", KEY_LENGTH));
    }

    /** The first byte of every token made with this key. */
    byte id() {
        return id;
    }

    /** The tag over a token's other bytes. */
    byte[] tag(byte[] token, int length) {
        Mac mac = hmac(tagKey);
        mac.update(token, 0, length);
        byte[] tag = new byte[TAG_LENGTH];
        System.arraycopy(mac.doFinal(), 0, tag, 0, TAG_LENGTH);
        return tag;
    }

    /**
     * The secret of the token that follows: it takes the presented token, the successor's row and this key together, so
     * none of client, database and service can make it alone, and a retry makes the same one again.
     */
    byte[] nextSecret(byte[] secret, UUID successorId) {
        Mac mac = hmac(nextKey);
        mac.update(secret);
        mac.update(ByteBuffer.allocate(16)
                .putLong(successorId.getMostSignificantBits())
                .putLong(successorId.getLeastSignificantBits())
                .array());
        return mac.doFinal();
    }

    private static byte[] derive(byte[] material, String info, int length) {
        HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
        hkdf.init(new HKDFParameters(material, null, info.getBytes(StandardCharsets.US_ASCII)));
        byte[] key = new byte[length];
        hkdf.generateBytes(key, 0, length);
        return key;
    }

    private static SecretKeySpec hmacKey(byte[] key) {
        return new SecretKeySpec(key, "HmacSHA256");
    }

    private static Mac hmac(SecretKeySpec key) {
        try {
            Mac mac = Mac.getInstance("HmacSHA256");
            mac.init(key);
            return mac;
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException(e);
        }
    }
}
