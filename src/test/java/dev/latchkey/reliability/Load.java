package dev.latchkey.reliability;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.TimeUnit;

/**
 * What a load came to: refreshes, made by {@code wrk} (Debian's), each connection with a session of its own.
 *
 * @param good refreshes a second that were granted
 * @param shed refreshes a second that were told to come again
 * @param wrong answers of any other kind, and connections that broke
 * @param goodP99 milliseconds that 99 of 100 granted ones took at most
 * @param shedP99 the same of those that were told to come again
 * @param complaint one of the wrong answers
 */
record Load(double good, double shed, long wrong, int goodP99, int shedP99, String complaint) {

    /** At its beginning nothing is counted: all connections are made then. */
    private static final Duration IGNORED = Duration.ofSeconds(2);

    /** Requests that were made in a second. */
    double offered() {
        return good + shed;
    }

    /**
     * Runs until its end.
     *
     * @param tokens one for each connection
     * @param pause how many milliseconds each connection waits before each request, on average; 0 for none
     * @param core the processor that the load gets
     */
    static Load run(int port, String[] tokens, Duration duration, int pause, int core) {
        try {
            Path folder = Files.createTempDirectory(Path.of("target"), "load-").toAbsolutePath();
            Path script = folder.resolve("refreshes.lua");
            try (InputStream in = Load.class.getResourceAsStream("refreshes.lua")) {
                Files.copy(in, script, StandardCopyOption.REPLACE_EXISTING);
            }
            Files.write(folder.resolve("tokens"), List.of(tokens));
            Duration whole = duration.plus(IGNORED);
            ProcessBuilder builder = new ProcessBuilder(
                    "taskset",
                    "-c",
                    Integer.toString(core),
                    "wrk",
                    "-t1",
                    "-c" + tokens.length,
                    "-d" + whole.toSeconds() + "s",
                    "--timeout",
                    "30s",
                    "-s",
                    script.toString(),
                    "http://127.0.0.1:" + port);
            builder.environment()
                    .put("LATCHKEY_TOKENS", folder.resolve("tokens").toString());
            builder.environment()
                    .put("LATCHKEY_RESULT", folder.resolve("result").toString());
            builder.environment().put("LATCHKEY_PAUSE", Integer.toString(pause));
            builder.environment().put("LATCHKEY_IGNORED", Long.toString(IGNORED.toSeconds()));
            Path output = folder.resolve("output");
            Process wrk = builder.redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
            if (!wrk.waitFor(whole.toSeconds() + 60, TimeUnit.SECONDS) || wrk.exitValue() != 0) {
                wrk.destroyForcibly();
                throw new IllegalStateException("wrk failed: " + Files.readString(output));
            }
            return read(folder.resolve("result"), duration);
        } catch (IOException | InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Load read(Path result, Duration duration) throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(result)) {
            properties.load(reader);
        }
        double seconds = duration.toSeconds();
        return new Load(
                number(properties, "good") / seconds,
                number(properties, "shed") / seconds,
                number(properties, "wrong") + number(properties, "broken"),
                (int) number(properties, "good_p99"),
                (int) number(properties, "shed_p99"),
                properties.getProperty("complaint"));
    }

    private static long number(Properties properties, String name) {
        return Long.parseLong(properties.getProperty(name));
    }
}
