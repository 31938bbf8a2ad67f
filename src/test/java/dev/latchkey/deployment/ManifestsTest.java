package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;

/** What {@code k8s} and {@code docker} say fits Kubernetes' own models, the settings, and each other. */
class ManifestsTest {

    private static final Path SETTINGS = Path.of("k8s/base/settings.env");
    private static final Pattern SETTING = Pattern.compile("#?([A-Z][A-Z0-9_]+)=(.*)");

    private static final List<JsonNode> OBJECTS = Manifests.below(Manifests.FOLDER);
    private static final JsonNode DEPLOYMENT = Manifests.one(OBJECTS, "Deployment", "latchkey");
    private static final JsonNode CONTAINER = DEPLOYMENT.at("/spec/template/spec/containers/0");

    @Test
    void every_field_is_one_that_Kubernetes_knows() {
        assertThat(OBJECTS)
                .filteredOn(Manifests::hasModel)
                .hasSizeGreaterThan(10)
                .allSatisfy(Manifests::check);
        // the only kind without a model; CI checks it against its own schema
        assertThat(OBJECTS)
                .filteredOn(object -> !Manifests.hasModel(object))
                .extracting(Manifests::type)
                .containsExactly("external-secrets.io/v1/ExternalSecret");
    }

    @Test
    void a_field_that_is_misspelled_is_found() {
        JsonNode misspelled = DEPLOYMENT.deepCopy();
        ((ObjectNode) misspelled.at("/spec/template/spec/securityContext")).put("runAsNonroot", true);

        assertThatThrownBy(() -> Manifests.check(misspelled)).hasMessageContaining("runAsNonroot");
    }

    @Test
    void every_setting_has_its_place_in_the_manifests_and_they_set_nothing_else() throws IOException {
        Set<String> set = new TreeSet<>(settings(SETTINGS).keySet());
        of("Secret").forEach(secret -> secret.path("stringData").fieldNames().forEachRemaining(set::add));
        for (JsonNode kustomization : Manifests.kustomizations()) {
            for (JsonNode generator : kustomization.path("configMapGenerator")) {
                generator
                        .path("literals")
                        .forEach(literal -> set.add(literal.asText().split("=")[0]));
            }
        }
        ours().forEach(pod -> pod.at("/containers/0/env")
                .forEach(variable -> set.add(variable.path("name").asText())));

        assertThat(set)
                .containsExactlyInAnyOrderElementsOf(
                        settings(Path.of(".env.example")).keySet());
    }

    @Test
    void what_differs_from_the_default_has_a_reason_above_it() throws IOException {
        Map<String, String> defaults = settings(Path.of(".env.example"));
        String above = "";
        for (String line : Files.readAllLines(SETTINGS)) {
            Matcher setting = SETTING.matcher(line);
            if (setting.matches() && !above.startsWith("# ")) {
                assertThat(setting.group(2)).as(setting.group(1)).isEqualTo(defaults.get(setting.group(1)));
            }
            above = line;
        }
    }

    @Test
    void what_the_compose_file_sets_are_settings() throws IOException {
        JsonNode compose = Manifests.read(Path.of("docker/compose.yaml")).get(0);

        assertThat(compose.at("/services/latchkey/environment").fieldNames())
                .toIterable()
                .isSubsetOf(settings(Path.of(".env.example")).keySet());
    }

    @Test
    void ports_agree() throws IOException {
        Map<String, String> settings = settings(SETTINGS);
        Map<String, String> ports = new LinkedHashMap<>();
        CONTAINER
                .path("ports")
                .forEach(port -> ports.put(
                        port.path("name").asText(), port.path("containerPort").asText()));

        assertThat(ports)
                .containsOnly(
                        Map.entry("http", settings.get("HTTP_PORT")),
                        Map.entry("management", settings.get("MANAGEMENT_PORT")));
        for (String probe : List.of("startupProbe", "livenessProbe", "readinessProbe")) {
            assertThat(CONTAINER.path(probe).at("/httpGet/port").asText()).isEqualTo("management");
        }
        JsonNode service = Manifests.one(OBJECTS, "Service", "latchkey").at("/spec/ports/0");
        assertThat(service.path("targetPort").asText()).isEqualTo("http");
        assertThat(of("HTTPRoute").get(0).at("/spec/rules/0/backendRefs/0/port"))
                .isEqualTo(service.path("port"));
        assertThat(of("PodMonitor")
                        .get(0)
                        .at("/spec/podMetricsEndpoints/0/port")
                        .asText())
                .isEqualTo("management");
        List<String> admitted = new ArrayList<>();
        Manifests.one(OBJECTS, "NetworkPolicy", "latchkey")
                .at("/spec/ingress")
                .forEach(rule -> admitted.add(rule.at("/ports/0/port").asText()));
        assertThat(admitted).containsExactly("http", "management");
        for (String dockerfile : List.of("docker/Dockerfile.jvm", "docker/Dockerfile.native")) {
            assertThat(Path.of(dockerfile)).content().contains("EXPOSE " + String.join(" ", ports.values()));
        }
    }

    @Test
    void names_and_labels_that_refer_to_something_find_it() {
        JsonNode labels = DEPLOYMENT.at("/spec/template/metadata/labels");
        for (JsonNode selector : List.of(
                DEPLOYMENT.at("/spec/selector/matchLabels"),
                Manifests.one(OBJECTS, "Service", "latchkey").at("/spec/selector"),
                Manifests.one(OBJECTS, "PodDisruptionBudget", "latchkey").at("/spec/selector/matchLabels"),
                Manifests.one(OBJECTS, "PodMonitor", "latchkey").at("/spec/selector/matchLabels"))) {
            assertThat(selector).isEqualTo(labels);
        }
        of("Job")
                .forEach(job -> assertThat(job.at("/spec/template/metadata/labels"))
                        .as("nobody sends requests to the migration")
                        .isNotEqualTo(labels));
        Manifests.one(
                OBJECTS, "Secret", CONTAINER.at("/envFrom/1/secretRef/name").asText());
        Manifests.one(
                OBJECTS,
                "Deployment",
                of("HorizontalPodAutoscaler")
                        .get(0)
                        .at("/spec/scaleTargetRef/name")
                        .asText());
    }

    @Test
    void a_replica_has_the_time_to_answer_what_it_has_begun() throws IOException {
        String properties = Files.readString(Path.of("src/main/resources/application.properties"));
        Matcher timeout =
                Pattern.compile("quarkus\\.shutdown\\.timeout=(\\d+)s").matcher(properties);
        assertThat(timeout.find()).isTrue();

        int needed = Integer.parseInt(timeout.group(1))
                + CONTAINER.at("/lifecycle/preStop/sleep/seconds").asInt();
        assertThat(DEPLOYMENT
                        .at("/spec/template/spec/terminationGracePeriodSeconds")
                        .asInt())
                .isGreaterThan(needed);
    }

    /** https://kubernetes.io/docs/concepts/security/pod-security-standards/, "Restricted". */
    @Test
    void every_pod_meets_the_restricted_standard_and_more() {
        assertThat(pods()).hasSizeGreaterThanOrEqualTo(3).allSatisfy(pod -> {
            assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
            assertThat(pod.at("/securityContext/runAsUser").asInt()).isPositive();
            assertThat(pod.at("/securityContext/seccompProfile/type").asText()).isEqualTo("RuntimeDefault");
            assertThat(pod.path("automountServiceAccountToken").asBoolean(true)).isFalse();
            assertThat(List.of("hostNetwork", "hostPID", "hostIPC")).noneMatch(pod::has);
            assertThat(pod.path("volumes")).allMatch(volume -> volume.has("emptyDir"));
            assertThat(pod.path("containers")).allSatisfy(container -> {
                JsonNode security = container.path("securityContext");
                assertThat(security.path("allowPrivilegeEscalation").asBoolean(true))
                        .isFalse();
                assertThat(security.at("/capabilities/drop/0").asText()).isEqualTo("ALL");
                assertThat(security.at("/capabilities/add").isMissingNode()).isTrue();
                assertThat(security.path("readOnlyRootFilesystem").asBoolean()).isTrue();
                assertThat(container.at("/resources/limits").has("memory")).isTrue();
                assertThat(container.at("/resources/requests").size()).isEqualTo(2);
            });
        });
    }

    private static List<JsonNode> of(String kind) {
        return OBJECTS.stream()
                .filter(object -> object.path("kind").asText().equals(kind))
                .toList();
    }

    private static List<JsonNode> pods() {
        return Stream.concat(of("Deployment").stream(), of("Job").stream())
                .map(object -> object.at("/spec/template/spec"))
                .toList();
    }

    /** Those of them that run Latchkey itself. */
    private static Stream<JsonNode> ours() {
        return pods().stream()
                .filter(pod -> StreamSupport.stream(pod.path("containers").spliterator(), false)
                        .anyMatch(container -> container.path("image").asText().equals("latchkey")));
    }

    /** The settings that a file names, each with its value, whether commented out or not. */
    private static Map<String, String> settings(Path file) throws IOException {
        Map<String, String> settings = new LinkedHashMap<>();
        for (String line : Files.readAllLines(file)) {
            Matcher setting = SETTING.matcher(line);
            if (setting.matches()) {
                settings.put(setting.group(1), setting.group(2));
            }
        }
        return settings;
    }
}
