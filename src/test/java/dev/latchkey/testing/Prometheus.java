package dev.latchkey.testing;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** Debian's Prometheus, which scrapes a service every second and has rules to judge it by. */
public final class Prometheus implements AutoCloseable {

    private final Process process;
    private final Api api;

    private Prometheus(Process process, Api api) {
        this.process = process;
        this.api = api;
    }

    /** Starts it in an empty folder and waits until it has scraped the service. */
    public static Prometheus start(Path folder, Packaged packaged, Path rules) {
        int port = Settings.freePort();
        try {
            Path configuration = Files.writeString(
                    folder.resolve("prometheus.yml"), """
                    global: {scrape_interval: 1s, evaluation_interval: 1s}
                    rule_files: ['%s']
                    scrape_configs:
                      - job_name: latchkey
                        metrics_path: /q/metrics
                        static_configs: [{targets: ['localhost:%d']}]
                    """.formatted(rules.toAbsolutePath(), packaged.managementPort()));
            Process process = new ProcessBuilder(
                            "prometheus",
                            "--config.file=" + configuration,
                            "--storage.tsdb.path=" + folder.resolve("data"),
                            "--web.listen-address=localhost:" + port)
                    .redirectErrorStream(true)
                    .redirectOutput(folder.resolve("prometheus.log").toFile())
                    .start();
            Prometheus prometheus = new Prometheus(process, Api.at("http://localhost:" + port));
            Waiting.until(() -> prometheus.scrapes() > 1);
            return prometheus;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private int scrapes() {
        try {
            return query("count_over_time(up[1m])").stream()
                    .mapToInt(series -> Integer.parseInt(value((JsonObject) series)))
                    .sum();
        } catch (UncheckedIOException | IllegalStateException e) {
            return 0; // not up yet
        }
    }

    /** The series that a query finds; it fails if Prometheus can't read it. */
    public JsonArray query(String expression) {
        return get("/api/v1/query?query=" + URLEncoder.encode(expression, StandardCharsets.UTF_8))
                .getJsonArray("result");
    }

    public static String value(JsonObject series) {
        return series.getJsonArray("value").getString(1);
    }

    public JsonArray ruleGroups() {
        return get("/api/v1/rules").getJsonArray("groups");
    }

    private JsonObject get(String path) {
        Answer answer = api.send(api.request(path));
        if (answer.status() != 200) {
            throw new IllegalStateException(answer.toString());
        }
        return answer.json().getJsonObject("data");
    }

    @Override
    public void close() {
        process.destroy();
        Waiting.forEnd(process, Duration.ofSeconds(10));
    }
}
