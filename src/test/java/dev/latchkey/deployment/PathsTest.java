package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.latchkey.testing.Answer;
import dev.latchkey.testing.Management;
import io.quarkus.test.junit.QuarkusTest;
import io.vertx.core.json.JsonObject;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The paths that Kubernetes, Prometheus and the gateway are told are the service's own. */
@QuarkusTest
class PathsTest {

    private static final List<JsonNode> OBJECTS = Manifests.below(Manifests.FOLDER);

    @Test
    void the_management_port_has_what_is_probed_and_scraped() {
        JsonNode container = Manifests.one(OBJECTS, "Deployment", "latchkey").at("/spec/template/spec/containers/0");
        List<JsonNode> paths = List.of(
                container.at("/startupProbe/httpGet/path"),
                container.at("/livenessProbe/httpGet/path"),
                container.at("/readinessProbe/httpGet/path"),
                Manifests.one(OBJECTS, "PodMonitor", "latchkey").at("/spec/podMetricsEndpoints/0/path"));

        assertThat(paths)
                .allSatisfy(path -> assertThat(get(path.asText()).status()).isEqualTo(200));
    }

    @Test
    void the_gateway_lets_the_whole_API_through() {
        String prefix = Manifests.one(OBJECTS, "HTTPRoute", "latchkey")
                .at("/spec/rules/0/matches/0/path/value")
                .asText();
        JsonObject api = new JsonObject(get("/q/openapi?format=json").body());

        assertThat(api.getJsonObject("paths").fieldNames())
                .hasSizeGreaterThan(5)
                .allMatch(path -> path.startsWith(prefix + "/"));
    }

    private static Answer get(String path) {
        return Management.api().send(Management.api().request(path));
    }
}
