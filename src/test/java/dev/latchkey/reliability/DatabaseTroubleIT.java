package dev.latchkey.reliability;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.reliability.Clients.Report;
import dev.latchkey.testing.Cluster;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Management;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Waiting;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The database is there, but can't do what it is asked to. */
@Tag("faults")
class DatabaseTroubleIT {

    private static final String DAWDLE = """
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(10); RETURN NULL; END';
            CREATE TRIGGER dawdle BEFORE INSERT ON refresh_tokens EXECUTE FUNCTION dawdle()
            """;

    @Test
    void nothing_is_lost_when_the_database_is_read_only() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    postgres.set("default_transaction_read_only = on");
                    postgres.reload();
                    Faults.pause(Faults.outage());
                    postgres.set("default_transaction_read_only = off");
                    postgres.reload();
                });
                Faults.assertNothingLost("read-only database", clients, database);
            }
        }
    }

    /** A lock on the table: each connection of the pool waits for it, and the rest wait for a connection. */
    @Test
    void nothing_is_lost_when_a_lock_takes_the_whole_pool() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database, "DB_POOL_SIZE", "3"));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> holdTable(database, packaged));
                Report report = Faults.assertNothingLost("table locked, pool exhausted", clients, database);
                assertThat(report.later()).isPositive();
            }
        }
    }

    private static void holdTable(OneDatabase database, Packaged packaged) throws SQLException {
        try (Connection holding = Db.connect(database.url())) {
            holding.setAutoCommit(false);
            Db.update(holding, "LOCK TABLE refresh_tokens IN SHARE MODE");
            Waiting.until(() -> Management.metric(packaged.management(), "agroal_awaiting_count{") > 0);
            Faults.pause(Faults.outage());
        }
    }

    @Test
    void nothing_is_lost_when_statements_take_longer_than_they_may() {
        try (Cluster postgres = Cluster.start()) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    database.execute(DAWDLE);
                    Faults.pause(Faults.outage());
                    database.execute("DROP FUNCTION dawdle CASCADE");
                });
                Report report = Faults.assertNothingLost("statements that take too long", clients, database);
                assertThat(report.later()).isPositive();
                assertThat(postgres.log()).contains("canceling statement due to statement timeout");
            }
        }
    }

    @Test
    void nothing_is_lost_when_the_disk_is_full() throws IOException {
        try (SmallDisk disk = new SmallDisk();
                Cluster postgres = Cluster.startIn(
                        disk.folder(), "min_wal_size = 32MB", "max_wal_size = 64MB", "shared_buffers = 16MB")) {
            OneDatabase database = postgres.newDatabase();
            try (Packaged packaged = Packaged.start(Faults.settings(database));
                    Clients clients = Clients.start(List.of(packaged.base()), Faults.RETRY_WINDOW)) {
                Faults.again(clients, time -> {
                    disk.fill();
                    Faults.pause(Faults.outage());
                    disk.free();
                    postgres.startAgain(); // it gives up if it can't write its log
                });
                Faults.assertNothingLost("disk full", clients, database);
            }
        }
    }

    /** A file system of its own, in memory, which only root can make. */
    private static final class SmallDisk implements AutoCloseable {

        private final Path mount = Files.createTempDirectory("latchkey-disk-");

        SmallDisk() throws IOException {
            run(
                    "mount",
                    "-t",
                    "tmpfs",
                    "-o",
                    "size=" + (200 + Faults.rotations() / 200) + "m",
                    "none",
                    mount.toString());
            Files.createDirectory(folder());
            Files.setPosixFilePermissions(mount, PosixFilePermissions.fromString("rwxr-xr-x"));
            Files.setPosixFilePermissions(folder(), PosixFilePermissions.fromString("rwxrwxrwx"));
        }

        Path folder() {
            return mount.resolve("postgres");
        }

        /** To the last kilobyte, while others write, too. */
        void fill() throws IOException {
            try (OutputStream ballast = Files.newOutputStream(mount.resolve("ballast"))) {
                byte[] kilobyte = new byte[1024];
                for (long left = Files.getFileStore(mount).getTotalSpace(); left > 0; left -= kilobyte.length) {
                    ballast.write(kilobyte);
                }
            } catch (IOException full) {
                assertThat(Files.getFileStore(mount).getUsableSpace()).isLessThan(16 * 1024);
            }
        }

        void free() throws IOException {
            Files.delete(mount.resolve("ballast"));
        }

        @Override
        public void close() throws IOException {
            run("umount", "-l", mount.toString());
            Files.delete(mount);
        }

        private static void run(String... command) throws IOException {
            Process process = new ProcessBuilder(command).inheritIO().start();
            if (process.onExit().join().exitValue() != 0) {
                throw new IOException(String.join(" ", command) + " failed; it has to be run as root");
            }
        }
    }
}
