package dev.latchkey.ops;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Prometheus;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Waiting;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A real Prometheus watches the service: the dashboard shows what is there, and the alerts are about what is there. */
@Tag("watch")
class WatchIT {

    private static final Path RULES = Path.of("docker/rules.yml");
    private static final List<String> RULES_TESTS =
            List.of("src/test/resources/rules-test.yml", "src/test/resources/rules-days-test.yml");
    private static final Path CONFIGURATION = Path.of("docker/prometheus.yml");
    private static final Path DASHBOARD = Path.of("docker/grafana/dashboards/latchkey.json");

    private static final int SESSIONS = 12;
    private static final Pattern METRIC = Pattern.compile("([a-z_]+[a-z_:0-9]*)(?=[{\\[])|latchkey[a-z_:0-9]+");

    @TempDir
    private static Path folder;

    private static Postgres postgres;
    private static Packaged packaged;
    private static Prometheus prometheus;
    private static AtomicBoolean over = new AtomicBoolean();
    private static Thread traffic;

    @BeforeAll
    static void start() {
        postgres = Postgres.start();
        OneDatabase database = postgres.newDatabase();
        packaged = Packaged.start(database.settings("RETRY_WINDOW", "1s", "CLEANUP_SCHEDULE", "1s"));
        prometheus = Prometheus.start(folder, packaged, RULES);
        assertThat(firing()).isEmpty();
        traffic = new Thread(() -> {
            while (!over.get()) {
                makeTraffic(database);
            }
        });
        traffic.start();
    }

    @AfterAll
    static void stop() throws InterruptedException {
        over.set(true);
        traffic.join();
        prometheus.close();
        packaged.close();
        postgres.close();
    }

    /** Everything that there is a panel for: some of it is in each round. */
    private static void makeTraffic(OneDatabase database) {
        Api api = packaged.api();
        Api.User user = api.newUser();
        api.login(user.email(), "not the password");
        try (Race race = new Race()) {
            List<Callable<Void>> runners = new ArrayList<>();
            for (int i = 0; i < SESSIONS; i++) {
                Api.Session session = api.logIn(user);
                runners.add(() -> {
                    api.refreshChain(session.refreshToken(), 10);
                    api.refresh(session.refreshToken());
                    return null;
                });
                runners.add(() -> {
                    api.refresh("not a token");
                    return null;
                });
            }
            race.run(runners);
        }
        Api.Session stolen = api.logIn(user);
        api.refresh(stolen.refreshToken());
        database.update(
                "UPDATE refresh_tokens SET revoked_at = now() - interval '1 hour' WHERE family_id = ? AND revoked",
                stolen.id());
        api.refresh(stolen.refreshToken());
        api.logout(api.logIn(user).refreshToken());
        api.logoutAll(api.logIn(user).accessToken());
        // old enough to be cleaned up
        database.update(
                "UPDATE refresh_tokens SET expires_at = now() - interval '1 year', revoked_at = now() - interval '1 year'");
    }

    @Test
    void promtool_finds_nothing_wrong_with_the_configuration_and_the_rules() throws Exception {
        assertSucceeds("promtool", "check", "config", CONFIGURATION.toString());
        assertSucceeds("promtool", "check", "rules", "--lint-fatal", RULES.toString());
    }

    @Test
    void each_alert_fires_when_it_should_and_not_when_all_is_well() throws Exception {
        for (String test : RULES_TESTS) {
            assertSucceeds("promtool", "test", "rules", test);
        }
    }

    @Test
    void every_rule_is_evaluated_and_asks_for_metrics_that_there_are() {
        List<JsonObject> rules = objects(prometheus.ruleGroups())
                .flatMap(group -> objects(group.getJsonArray("rules")))
                .toList();
        assertThat(rules).hasSizeGreaterThan(10);
        Waiting.until(() -> objects(prometheus.ruleGroups())
                .flatMap(group -> objects(group.getJsonArray("rules")))
                .allMatch(rule -> rule.getString("health").equals("ok")));
        for (JsonObject rule : rules) {
            List<String> metrics = metrics(rule.getString("query"));
            assertThat(metrics).as(rule.getString("name")).isNotEmpty();
            for (String metric : metrics) {
                Waiting.until(() -> !prometheus.query(metric).isEmpty());
            }
        }
    }

    @Test
    void every_panel_of_the_dashboard_shows_something() throws IOException {
        JsonObject dashboard = new JsonObject(Files.readString(DASHBOARD));
        List<JsonObject> panels = objects(dashboard.getJsonArray("panels"))
                .filter(panel -> !panel.getString("type").equals("row"))
                .toList();
        assertThat(panels).hasSizeGreaterThan(20);
        for (JsonObject panel : panels) {
            objects(panel.getJsonArray("targets")).forEach(target -> {
                String query = target.getString("expr")
                        .replace("$__rate_interval", "30s")
                        .replaceAll("\\$\\w+", ".*");
                try {
                    Waiting.until(() -> showsSomething(query));
                } catch (IllegalStateException e) {
                    throw new AssertionError(
                            panel.getString("title") + ": " + query + ": " + prometheus.query(query), e);
                }
            });
        }
    }

    @Test
    void many_thefts_fire_their_alert() {
        Waiting.until(() -> firing().contains("LatchkeyReuseSpike"));

        assertThat(firing()).doesNotContain("LatchkeyAllDown", "LatchkeyDatabaseAway", "LatchkeyErrorBudgetBurns");
    }

    private static boolean showsSomething(String query) {
        return objects(prometheus.query(query)).anyMatch(series -> Double.isFinite(number(Prometheus.value(series))));
    }

    private static double number(String text) {
        return switch (text) {
            case "+Inf", "-Inf" -> Double.POSITIVE_INFINITY;
            default -> Double.parseDouble(text);
        };
    }

    private static List<String> firing() {
        return objects(prometheus.query("ALERTS{alertstate=\"firing\"}"))
                .map(alert -> alert.getJsonObject("metric").getString("alertname"))
                .toList();
    }

    private static List<String> metrics(String query) {
        return METRIC.matcher(query)
                .results()
                .map(MatchResult::group)
                .distinct()
                .toList();
    }

    private static Stream<JsonObject> objects(JsonArray array) {
        return array.stream().map(JsonObject.class::cast);
    }

    private static void assertSucceeds(String... command) throws IOException, InterruptedException {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(process.waitFor()).as(output).isZero();
    }
}
