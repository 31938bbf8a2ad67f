package dev.latchkey.reliability;

import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Debian's PgBouncer in transaction mode. */
final class PgBouncer implements AutoCloseable {

    private final int port = Settings.freePort();
    private final Path configuration;
    private Process process;

    PgBouncer(int postgres) {
        try {
            Path folder = Files.createTempDirectory("pgbouncer-");
            Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
            Files.writeString(folder.resolve("users"), "\"postgres\" \"postgres\"\n");
            configuration = Files.writeString(
                    folder.resolve("pgbouncer.ini"), """
                    [databases]
                    * = host=127.0.0.1 port=%d
                    [pgbouncer]
                    listen_addr = 127.0.0.1
                    listen_port = %d
                    unix_socket_dir =
                    auth_type = trust
                    auth_file = %s
                    pool_mode = transaction
                    default_pool_size = 8
                    server_login_retry = 1
                    ignore_startup_parameters = extra_float_digits
                    """.formatted(postgres, port, folder.resolve("users")));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        startAgain();
    }

    void startAgain() {
        List<String> command = new ArrayList<>(List.of("pgbouncer", "-q", configuration.toString()));
        if (System.getProperty("user.name").equals("root")) {
            command.addAll(1, List.of("-u", "postgres")); // it refuses to be root
        }
        try {
            process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(configuration.resolveSibling("log").toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException("these tests need Debian's package pgbouncer", e);
        }
        Waiting.untilListening(port);
    }

    void kill() {
        process.destroyForcibly();
        Waiting.forEnd(process, Duration.ofSeconds(5));
    }

    int port() {
        return port;
    }

    @Override
    public void close() {
        kill();
    }
}
