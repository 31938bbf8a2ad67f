package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Postgres;
import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The overlays as {@code kubectl} renders them, and what podman can run of them. */
@Tag("images")
class KubernetesIT {

    private static final Path FOLDER = Path.of("target/containers/kubernetes");

    /** podman has neither the network nor the monitors nor a kubelet that probes; Secrets it reads in a form of its own. */
    private static final Set<String> PLAYED = Set.of("ConfigMap", "Deployment");

    // In place of what an operator fills in. The pod takes ports of this machine, since podman's network is not at
    // hand; and
    // podman would probe with a curl inside the container, which is not there.
    private static final String ON_THIS_MACHINE = """
            resources:
              - ../../../k8s/overlays/production
              - secret.yaml
            images:
              - name: registry.example.org/latchkey
                newName: %s
                newTag: latest
            configMapGenerator:
              - name: latchkey
                namespace: latchkey
                behavior: merge
                literals:
                  - DB_URL=%s
                  - HTTP_PORT=%d
                  - MANAGEMENT_PORT=%d
            patches:
              - target:
                  kind: Deployment
                patch: |
                  - op: add
                    path: /spec/template/spec/hostNetwork
                    value: true
                  - op: remove
                    path: /spec/template/spec/containers/0/ports
                  - op: remove
                    path: /spec/template/spec/containers/0/startupProbe
                  - op: remove
                    path: /spec/template/spec/containers/0/livenessProbe
                  - op: remove
                    path: /spec/template/spec/containers/0/readinessProbe
            """;

    private static final String SECRET = """
            apiVersion: v1
            kind: Secret
            metadata:
              name: latchkey
              namespace: latchkey
            data:
              DB_USER: cG9zdGdyZXM=
              DB_PASSWORD: cG9zdGdyZXM=
              JWT_ACCESS_SECRET: %s
              JWT_REFRESH_SECRET: %s
            """;

    @Test
    void overlays_and_components_render_to_what_Kubernetes_knows() throws IOException {
        for (String overlay : List.of("dev", "production")) {
            assertThat(rendered(Path.of("k8s/overlays", overlay))).isNotEmpty().allSatisfy(Manifests::check);
        }
        Path copy = Files.createDirectories(FOLDER.resolve("copy"));
        Containers.run(List.of("cp", "-a", "k8s", copy.toString()));
        Path production = copy.resolve("k8s/overlays/production");
        Path kustomization = production.resolve("kustomization.yaml");
        Files.writeString(
                kustomization,
                Files.readString(kustomization).replaceAll("(?m)^( *)#(?! \\S)", "$1")); // but for sentences
        List<JsonNode> objects = rendered(production);
        assertThat(objects).filteredOn(Manifests::hasModel).allSatisfy(Manifests::check);
        assertThat(objects).extracting(object -> object.path("kind").asText()).contains("ExternalSecret", "Job");
        JsonNode replicas = Manifests.one(objects, "Deployment", "latchkey").at("/spec/template/spec/containers/0");
        JsonNode migration = Manifests.one(objects, "Job", "latchkey-migration").at("/spec/template/spec/containers/0");
        assertThat(migration.path("image")).isEqualTo(replicas.path("image"));
        String settings = replicas.at("/envFrom/0/configMapRef/name").asText();
        assertThat(migration.at("/envFrom/0/configMapRef/name").asText()).isEqualTo(settings);
        assertThat(Manifests.one(objects, "ConfigMap", settings)
                        .at("/data/MIGRATE_AT_BOOT")
                        .asText())
                .isEqualTo("false");
        assertThat(objects)
                .filteredOn(object -> Manifests.type(object).startsWith("monitoring.coreos.com/"))
                .hasSize(2)
                .allMatch(object -> object.at("/metadata/labels").has("release"));
    }

    @Test
    void production_runs_with_its_ConfigMap_and_Secret() throws IOException {
        String image = Containers.build("Dockerfile.jvm", "JDK");
        int port = Settings.freePort();
        int managementPort = Settings.freePort();
        Path here = Files.createDirectories(FOLDER.resolve("here"));
        try (Postgres postgres = Postgres.start()) {
            OneDatabase database = postgres.database();
            Files.writeString(
                    here.resolve("kustomization.yaml"),
                    ON_THIS_MACHINE
                            .replace("../../../", "../../../../")
                            .formatted(image, database.url(), port, managementPort));
            Files.writeString(here.resolve("secret.yaml"), SECRET.formatted(base64(), base64()));
            Path pods = here.resolve("pods.yaml");
            StringBuilder played = new StringBuilder();
            List<JsonNode> objects = rendered(here);
            Path secret = here.resolve("secret.json");
            Files.writeString(
                    secret,
                    Manifests.one(objects, "Secret", "latchkey").path("data").toString());
            takeAway();
            Containers.podman("secret", "create", "latchkey", secret.toString());
            for (JsonNode object : objects) {
                if (PLAYED.contains(object.path("kind").asText())) {
                    played.append(object).append("\n---\n"); // JSON is YAML
                }
            }
            Files.writeString(pods, played);

            try {
                Containers.podman("kube", "play", pods.toString());
                Api management = Api.at("http://localhost:" + managementPort);
                Waiting.until(Duration.ofMinutes(3), () -> Container.isReady(management));
                MainJob.drive(Api.at("http://localhost:" + port));
            } finally {
                takeAway();
            }
        }
    }

    /** Also what a run left behind that was interrupted. */
    private static void takeAway() {
        Containers.podman("pod", "rm", "--force", "--ignore", "--all");
        Containers.podman("secret", "rm", "--all");
    }

    private static String base64() {
        return java.util.Base64.getEncoder().encodeToString(Settings.secret().getBytes());
    }

    private static List<JsonNode> rendered(Path overlay) throws IOException {
        Path file = Files.createTempFile(Files.createDirectories(FOLDER), "rendered-", ".yaml");
        Files.writeString(file, Containers.run(List.of("kubectl", "kustomize", overlay.toString())));
        return Manifests.read(file);
    }
}
