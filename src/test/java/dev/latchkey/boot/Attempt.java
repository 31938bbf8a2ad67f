package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Race;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;

/** What an end of the packaged application left: its exit code and what it printed. */
record Attempt(int exitCode, String output) {

    private static final Duration SECONDS = Duration.ofSeconds(20);
    private static final String FAILURE = "Latchkey can't start: ";

    /** Runs it to its end, which has to come in seconds. */
    static Attempt run(Map<String, String> settings, String... arguments) {
        try (Packaged packaged = Packaged.launch(settings, arguments)) {
            return new Attempt(packaged.waitFor(SECONDS), packaged.output());
        }
    }

    /** What a command that succeeded said, without its log. */
    String printed() {
        assertThat(exitCode).as(output).isZero();
        return output.lines().filter(line -> !line.startsWith("{")).collect(Collectors.joining("\n"));
    }

    /** The sentence by which a start-up failed; it has no stack trace. */
    static String failure(Map<String, String> settings, String... arguments) {
        Attempt attempt = run(settings, arguments);
        assertThat(attempt.exitCode()).as(attempt.output()).isNotZero();
        assertThat(attempt.output()).contains(FAILURE).doesNotContain("\tat ").doesNotContain("Exception:");
        int start = attempt.output().lastIndexOf(FAILURE) + FAILURE.length();
        return attempt.output().substring(start);
    }

    /** The same of several, two at a time. */
    static List<String> failures(List<Map<String, String>> settings) {
        List<String> sentences = new ArrayList<>();
        try (Race race = new Race()) {
            for (int i = 0; i < settings.size(); i += 2) {
                sentences.addAll(race.run(settings.subList(i, Math.min(i + 2, settings.size())).stream()
                        .map(each -> (Callable<String>) () -> failure(each))
                        .toList()));
            }
        }
        return sentences;
    }
}
