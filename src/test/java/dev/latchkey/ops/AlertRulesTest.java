package dev.latchkey.ops;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The alerts as files; what they do is tried in {@link WatchIT}. */
class AlertRulesTest {

    private static final Path RULES = Path.of("docker/rules.yml");
    private static final Path RESOURCE = Path.of("k8s/base/prometheus-rule.yaml");
    private static final Path OPERATIONS = Path.of("src/docs/OPERATIONS.md");

    private static final Pattern ALERT = Pattern.compile("(?m)^ +- alert: (\\w+)$");
    private static final Pattern RUNBOOK = Pattern.compile("(?m)^ +runbook_url: (.*)$");

    @Test
    void the_resource_for_kubernetes_has_the_same_groups() throws IOException {
        String rules = Files.readString(RULES);
        String groups = rules.substring(rules.indexOf("groups:"))
                .lines()
                .map(line -> line.isEmpty() ? line : "  " + line)
                .collect(Collectors.joining("\n", "", "\n"));

        assertThat(Files.readString(RESOURCE)).endsWith("\nspec:\n" + groups);
    }

    @Test
    void each_alert_has_its_entry_in_the_runbook_and_there_is_no_other() throws IOException {
        List<String> alerts = found(ALERT, Files.readString(RULES));
        List<String> runbooks = found(RUNBOOK, Files.readString(RULES));
        Set<String> entries = Files.readAllLines(OPERATIONS).stream()
                .filter(line -> line.startsWith("### Latchkey"))
                .map(line -> line.substring(4))
                .collect(Collectors.toSet());

        assertThat(entries).containsExactlyInAnyOrderElementsOf(Set.copyOf(alerts));
        assertThat(runbooks)
                .containsExactlyElementsOf(alerts.stream()
                        .map(alert -> OPERATIONS + "#" + alert.toLowerCase(Locale.ROOT))
                        .toList());
    }

    private static List<String> found(Pattern pattern, String text) {
        return pattern.matcher(text).results().map(result -> result.group(1)).toList();
    }
}
