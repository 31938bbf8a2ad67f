package dev.latchkey.testing;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;

/**
 * A PostgreSQL as in production, from Debian's packages, which makes what it commits durable: the embedded one does not. It can
 * be killed and started again, and followed by a standby.
 */
public final class Cluster implements AutoCloseable {

    /** Not in memory, as the folder for temporary files may be. */
    private static final Path HOME = Path.of("/var/tmp");

    private static final String SYNCHRONOUS = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";

    private static final Path VERSIONS = Path.of("/usr/lib/postgresql");

    private final Path folder;
    private final int port;
    private final AtomicInteger databases = new AtomicInteger();

    private Cluster(Path folder, int port) {
        this.folder = folder;
        this.port = port;
    }

    /**
     * Makes one and starts it.
     *
     * @param settings lines of {@code postgresql.conf}
     */
    public static Cluster start(String... settings) {
        return startIn(newFolder(HOME), settings);
    }

    /** The same in a folder that its user may write to. */
    public static Cluster startIn(Path folder, String... settings) {
        Cluster cluster = new Cluster(folder, Settings.freePort());
        run(
                program("initdb"),
                "-D",
                cluster.data(),
                "-U",
                "postgres",
                "--auth=trust",
                "-E",
                "UTF8",
                "--no-instructions");
        cluster.set("max_wal_senders = 4", "wal_log_hints = on", "max_connections = 200");
        cluster.set(settings);
        cluster.startAgain();
        return cluster;
    }

    /** A new standby of this one, which follows it from now on; each commit waits until it has it, too. */
    public Cluster standby(int itsPort) {
        Cluster standby = new Cluster(newFolder(HOME), itsPort);
        copyTo(standby, "-R");
        standby.startAgain();
        set("synchronous_standby_names = '*'");
        reload();
        Waiting.until(() -> database("postgres").count(SYNCHRONOUS) > 0);
        return standby;
    }

    /** What is in it now, for the same port: to be started when this one no longer runs. */
    public Cluster backup() {
        Cluster backup = new Cluster(newFolder(HOME), port);
        copyTo(backup);
        return backup;
    }

    private void copyTo(Cluster other, String... options) {
        List<String> command = new ArrayList<>(List.of(
                program("pg_basebackup"),
                "-D",
                other.data(),
                "-h",
                "127.0.0.1",
                "-p",
                Integer.toString(port),
                "-U",
                "postgres"));
        command.addAll(List.of("-X", "stream", "-c", "fast"));
        command.addAll(List.of(options));
        run(command.toArray(String[]::new));
    }

    /** Makes a standby the primary, which has no standby yet that a commit could wait for. */
    public void promote() {
        set("synchronous_standby_names = ''");
        reload();
        run(program("pg_ctl"), "-D", data(), "-w", "promote");
    }

    private static Path newFolder(Path parent) {
        String folder =
                run("mktemp", "-d", parent.resolve("latchkey-cluster-XXXXXXXX").toString());
        return Path.of(folder.strip());
    }

    /** Lines for {@code postgresql.conf}; they hold when it has been started or {@link #reload() reloaded}. */
    public void set(String... lines) {
        for (String line : lines) {
            run("sh", "-c", "echo \"$1\" >> \"$2\"", "sh", line, data() + "/postgresql.conf");
        }
    }

    public void reload() {
        run(program("pg_ctl"), "-D", data(), "reload");
    }

    public void startAgain() {
        Waiting.until(this::started);
    }

    /** Not at once after a kill, since the processes of the killed one may still be there. */
    private boolean started() {
        try {
            run(
                    program("pg_ctl"),
                    "-D",
                    data(),
                    "-w",
                    "-l",
                    logFile().toString(),
                    "-o",
                    "-p " + port + " -c listen_addresses=127.0.0.1 -c unix_socket_directories=" + folder,
                    "start");
            return true;
        } catch (IllegalStateException e) {
            return running();
        }
    }

    private Path logFile() {
        return folder.resolve("log");
    }

    /** All that it has printed so far. */
    public String log() {
        try {
            return Files.readString(logFile());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private boolean running() {
        try {
            run(program("pg_ctl"), "-D", data(), "status");
            return true;
        } catch (IllegalStateException e) {
            return false;
        }
    }

    /** As if the machine had lost its power, but for what the operating system had been given to write. */
    public void kill() {
        String pid = run("head", "-1", data() + "/postmaster.pid").strip();
        run("kill", "-9", pid);
        Waiting.until(() -> ProcessHandle.of(Long.parseLong(pid))
                .filter(ProcessHandle::isAlive)
                .isEmpty());
    }

    /** Without a checkpoint and without waiting for anybody, so that it recovers from its log when it is started. */
    public void stopImmediately() {
        run(program("pg_ctl"), "-D", data(), "-w", "-m", "immediate", "stop");
    }

    public int port() {
        return port;
    }

    public OneDatabase database(String name) {
        return new OneDatabase("jdbc:postgresql://127.0.0.1:" + port + "/" + name);
    }

    public OneDatabase newDatabase() {
        String name = "database_" + databases.incrementAndGet();
        database("postgres").execute("CREATE DATABASE " + name);
        return database(name);
    }

    private String data() {
        return folder.resolve("data").toString();
    }

    @Override
    public void close() {
        if (running()) {
            stopImmediately();
        }
        run("sh", "-c", "rm -rf \"$1\"/data \"$1\"/log \"$1\"/.s.PGSQL*", "sh", folder.toString());
        run("sh", "-c", "rmdir \"$1\" || true", "sh", folder.toString());
    }

    private static String program(String name) {
        try (Stream<Path> versions = Files.list(VERSIONS)) {
            return versions.map(version -> version.resolve("bin").resolve(name))
                    .filter(Files::isExecutable)
                    .max(Path::compareTo)
                    .orElseThrow(() -> new IllegalStateException("these tests need Debian's package postgresql"))
                    .toString();
        } catch (IOException e) {
            throw new IllegalStateException("these tests need Debian's package postgresql", e);
        }
    }

    /** Runs a command as a user that PostgreSQL consents to run as; returns what it prints. */
    private static String run(String... command) {
        List<String> all = new ArrayList<>();
        if (System.getProperty("user.name").equals("root")) {
            all.addAll(List.of("runuser", "-u", "postgres", "--"));
        }
        all.addAll(List.of(command));
        try {
            Path output = Files.createTempFile("latchkey-", ".out");
            Process process = new ProcessBuilder(all)
                    .directory(new File("/"))
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            boolean ended = process.waitFor(60, TimeUnit.SECONDS);
            String printed = Files.readString(output);
            Files.delete(output);
            if (!ended || process.exitValue() != 0) {
                process.destroyForcibly();
                throw new IllegalStateException(String.join(" ", command) + ": " + printed);
            }
            return printed;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
