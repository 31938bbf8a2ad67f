package dev.latchkey.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** The packaged application as a process of its own, with settings of its own: started, asked, stopped, read. */
public final class Packaged implements AutoCloseable {

    private static final Duration LONGEST_START = Duration.ofSeconds(60);

    /** In half of the processor's time: there are many starts in these tests. */
    private static final String STARTS_FAST = "-XX:TieredStopAtLevel=1";

    private static final Path APPLICATION = Path.of("target/quarkus-app");

    private static final Path EXECUTABLE = Path.of(System.getProperty("native.image.path", "none"));

    private final Process process;
    private final Path output;
    private final int port;
    private final int managementPort;

    private Packaged(Path application, Map<String, String> settings, String... arguments) {
        this.port = port(settings, "HTTP_PORT");
        this.managementPort = port(settings, "MANAGEMENT_PORT");
        try {
            this.output = Files.createTempFile(Path.of("target"), "latchkey-", ".log");
            List<String> command = command(application);
            command.addAll(List.of(arguments));
            ProcessBuilder builder = new ProcessBuilder(command);
            builder.directory(
                    Files.createTempDirectory(Path.of("target"), "latchkey-").toFile()); // no .env in it
            builder.environment().put("HTTP_PORT", Integer.toString(port));
            builder.environment().put("MANAGEMENT_PORT", Integer.toString(managementPort));
            builder.environment().putAll(settings);
            builder.redirectErrorStream(true).redirectOutput(output.toFile());
            this.process = builder.start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The one that is set, unless what is set is no port, which is then the service's matter. */
    private static int port(Map<String, String> settings, String name) {
        String port = settings.getOrDefault(name, "");
        return port.matches("\\d+") ? Integer.parseInt(port) : Settings.freePort();
    }

    private static List<String> command(Path application) {
        if (isNative() && application.equals(APPLICATION)) {
            return new ArrayList<>(List.of(EXECUTABLE.toAbsolutePath().toString()));
        }
        String java = Path.of(System.getProperty("java.home"), "bin", "java").toString();
        Path app = application.toAbsolutePath();
        return new ArrayList<>(List.of(
                java,
                STARTS_FAST,
                "-XX:+UseSerialGC",
                "-XX:SharedArchiveFile=" + app.resolve("latchkey.jsa"),
                "-jar",
                app.resolve("quarkus-run.jar").toString()));
    }

    /** Whether it is the native executable, not the one for the JVM. */
    public static boolean isNative() {
        return Files.isExecutable(EXECUTABLE);
    }

    /** Settings that suffice to start on the given database. */
    public static Map<String, String> settings(String jdbcUrl) {
        Map<String, String> settings = new HashMap<>(Settings.forTests());
        settings.put("DB_URL", jdbcUrl);
        settings.put("DB_USER", "postgres");
        settings.put("DB_PASSWORD", "postgres");
        return settings;
    }

    /** Starts it without waiting. */
    public static Packaged launch(Map<String, String> settings, String... arguments) {
        return new Packaged(APPLICATION, settings, arguments);
    }

    /** Starts it and waits until it is ready. */
    public static Packaged start(Map<String, String> settings) {
        return start(APPLICATION, settings);
    }

    /** The same of another build, in a folder such as Quarkus makes. */
    public static Packaged start(Path application, Map<String, String> settings) {
        Packaged packaged = new Packaged(application, settings);
        Instant end = Instant.now().plus(LONGEST_START);
        while (!packaged.ready()) {
            if (!packaged.process.isAlive() || Instant.now().isAfter(end)) {
                packaged.close();
                throw new IllegalStateException("did not start: " + packaged.output());
            }
            pause();
        }
        return packaged;
    }

    /** Starts several at once and waits until all are ready. */
    public static List<Packaged> startAll(List<Map<String, String>> settings) {
        try (Race race = new Race()) {
            return race.run(settings.stream()
                    .map(each -> (Callable<Packaged>) () -> start(each))
                    .toList());
        }
    }

    private boolean ready() {
        try {
            return management().send(management().request("/q/health/ready")).status() == 200;
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    public int port() {
        return port;
    }

    public String base() {
        return "http://localhost:" + port;
    }

    public int managementPort() {
        return managementPort;
    }

    public Api api() {
        return Api.at(base());
    }

    public Api management() {
        return Api.at("http://localhost:" + managementPort);
    }

    public ProcessHandle process() {
        return process.toHandle();
    }

    /** Asks it to stop, as Kubernetes does, and returns at once. */
    public void terminate() {
        process.destroy();
    }

    /** Waits for its end; returns the exit code. */
    public int waitFor(Duration atMost) {
        try {
            if (!process.waitFor(atMost.toMillis(), TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException("still running after " + atMost + ": " + output());
            }
            return process.exitValue();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    /** All that it has printed so far. */
    public String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** How many bytes of its heap are no garbage. */
    public long liveHeap() {
        String jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd").toString();
        try {
            Process histogram = new ProcessBuilder(jcmd, Long.toString(process.pid()), "GC.class_histogram").start();
            String[] total = new String(histogram.getInputStream().readAllBytes())
                    .strip()
                    .replaceFirst("(?s).*\nTotal +", "")
                    .split(" +");
            return Long.parseLong(total[1]);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        process.destroyForcibly();
        waitFor(Duration.ofSeconds(10));
    }

    private static void pause() {
        try {
            Thread.sleep(50);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
