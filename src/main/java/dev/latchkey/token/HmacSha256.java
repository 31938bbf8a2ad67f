package dev.latchkey.token;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.InvalidKeyException;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/** HMAC-SHA-256 (RFC 2104) under one key, for any number of threads; the JDK's own, without a look-up for each use. */
public final class HmacSha256 {

    public static final int LENGTH = 32;

    private static final String ALGORITHM = "HmacSHA256";

    private final Mac keyed;

    public HmacSha256(byte[] key) {
        try {
            keyed = Mac.getInstance(ALGORITHM);
            keyed.init(new SecretKeySpec(key, ALGORITHM));
        } catch (NoSuchAlgorithmException | InvalidKeyException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * HKDF-SHA-256 (RFC 5869) without a salt, for as many bytes as its first block has. Bouncy Castle's would make each start
     * check the signature of its archive, which takes a tenth of a second.
     *
     * @param info what the key is for
     * @param length 1 to 32
     */
    public static byte[] derive(String secret, String info, int length) {
        if (length < 1 || length > LENGTH) {
            throw new IllegalArgumentException("one block has no " + length + " bytes");
        }
        byte[] extracted = new HmacSha256(new byte[LENGTH]).of(secret.getBytes(StandardCharsets.UTF_8));
        byte[] block = new HmacSha256(extracted).of((info + '\1').getBytes(StandardCharsets.US_ASCII));
        return Arrays.copyOf(block, length);
    }

    public byte[] of(byte[] message) {
        return of(ByteBuffer.wrap(message));
    }

    /** Of all parts, one after the other. */
    public byte[] of(ByteBuffer... parts) {
        try {
            Mac mac = (Mac) keyed.clone();
            for (ByteBuffer part : parts) {
                mac.update(part);
            }
            return mac.doFinal();
        } catch (CloneNotSupportedException e) {
            throw new IllegalStateException(e);
        }
    }
}
