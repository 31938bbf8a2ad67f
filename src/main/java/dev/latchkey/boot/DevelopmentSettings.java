package dev.latchkey.boot;

import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigSourceFactory;
import io.smallrye.config.PropertiesConfigSource;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.net.ServerSocket;
import java.nio.channels.FileLock;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.eclipse.microprofile.config.spi.ConfigSource;

/**
 * What dev mode and tests have without being told, and production never: secrets of their own, and a port for the tests'
 * database. Dev mode keeps its secrets beside its database in {@code .dev}, so that sessions outlive a restart.
 */
public class DevelopmentSettings implements ConfigSourceFactory {

    private static final int ORDINAL = 50;
    private static final Path DIRECTORY = Path.of(".dev");
    private static final String PREPARED = "dev.latchkey.prepared";

    @Override
    public Iterable<ConfigSource> getConfigSources(ConfigSourceContext context) {
        if (context.getProfiles().contains("dev")) {
            stopLeftBehindDatabase();
            return settings(secret("access-secret"), secret("refresh-secret"), Map.of());
        }
        if (context.getProfiles().contains("test")) {
            // The extension's own choice is one of 5432 to 5442, where a PostgreSQL may run already.
            return settings(randomSecret(), randomSecret(), Map.of("quarkus.embedded.postgresql.port", freePort()));
        }
        return List.of();
    }

    private static Iterable<ConfigSource> settings(String access, String refresh, Map<String, String> others) {
        Map<String, String> settings = new HashMap<>(others);
        settings.put("JWT_ACCESS_SECRET", access);
        settings.put("JWT_REFRESH_SECRET", refresh);
        return List.of(new PropertiesConfigSource(settings, "development settings", ORDINAL));
    }

    private static String secret(String name) {
        try {
            Path file = Files.createDirectories(DIRECTORY).resolve(name);
            if (!Files.exists(file)) {
                Files.writeString(file, randomSecret());
            }
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String freePort() {
        try (ServerSocket socket = new ServerSocket(0)) {
            return Integer.toString(socket.getLocalPort());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String randomSecret() {
        byte[] bytes = new byte[48];
        new SecureRandom().nextBytes(bytes);
        return Base64.getEncoder().encodeToString(bytes);
    }

    /**
     * Stops the PostgreSQL that a killed dev mode left running on the data directory, once for each JVM, and before that starts
     * its own. The lock tells: the operating system took it from the killed one.
     */
    private static void stopLeftBehindDatabase() {
        Path data = DIRECTORY.resolve("postgres");
        Path pidFile = data.resolve("postmaster.pid");
        if (System.setProperty(PREPARED, "true") != null || !Files.exists(pidFile)) {
            return;
        }
        try (RandomAccessFile file =
                        new RandomAccessFile(data.resolve("epg-lock").toFile(), "rw");
                FileLock lock = file.getChannel().tryLock()) {
            if (lock != null) {
                stop(Long.parseLong(Files.readAllLines(pidFile).get(0).strip()));
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static void stop(long pid) {
        ProcessHandle.of(pid)
                .filter(process -> process.info().command().orElse("").endsWith("postgres"))
                .ifPresent(process -> {
                    process.destroy();
                    try {
                        process.onExit().get(5, TimeUnit.SECONDS);
                    } catch (Exception e) {
                        process.destroyForcibly();
                    }
                });
    }
}
