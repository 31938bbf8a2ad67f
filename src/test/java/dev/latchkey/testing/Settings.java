package dev.latchkey.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Map;

/** Settings of the packaged application under test; those of {@code @QuarkusTest} stand under {@code %test.}. */
public final class Settings {

    private Settings() {}

    /** Random secrets, and a clean-up that tests need not wait for. */
    public static Map<String, String> forTests() {
        return Map.of(
                "JWT_ACCESS_SECRET",
                secret(),
                "JWT_REFRESH_SECRET",
                secret(),
                "CLEANUP_SCHEDULE",
                "2s",
                "LOG_LEVEL",
                "INFO");
    }

    public static String secret() {
        byte[] bytes = new byte[48];
        new SecureRandom().nextBytes(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    public static int freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
