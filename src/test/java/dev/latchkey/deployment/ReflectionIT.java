package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.OneDatabase;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Postgres;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * What the running program looks up by reflection, found in a trace on the JVM, is registered for the native executable. What
 * Quarkus does while it starts the static part happens at the build there, so a start that fails right after it is taken off.
 */
@Tag("images")
class ReflectionIT {

    private static final Path FOLDER = Path.of("target/containers/reflection").toAbsolutePath();

    private static final List<String> OURS =
            List.of("dev.latchkey.", "org.bouncycastle.", "org.springframework.", "org.jose4j.");

    @Test
    void what_is_looked_up_at_run_time_is_registered() throws IOException {
        Files.createDirectories(FOLDER);
        Path agent = agent();
        Set<String> atRunTime = new TreeSet<>();
        try (Postgres postgres = Postgres.start()) {
            OneDatabase database = postgres.database();
            try (Packaged packaged = Packaged.start(traced(database.settings(), agent, "whole"))) {
                MainJob.drive(packaged.api());
                seeErrors(packaged.api());
                for (String path : Set.of("/q/health", "/q/metrics", "/q/openapi")) {
                    assertThat(packaged.management()
                                    .send(packaged.management().request(path))
                                    .status())
                            .isEqualTo(200);
                }
                packaged.terminate();
                packaged.waitFor(Duration.ofSeconds(60));
            }
            atRunTime.addAll(Files.readAllLines(FOLDER.resolve("whole")));
            Map<String, String> nothing = traced(new HashMap<>(), agent, "static");
            try (Packaged packaged = Packaged.launch(nothing)) {
                packaged.waitFor(Duration.ofSeconds(60));
            }
        }
        atRunTime.removeAll(Files.readAllLines(FOLDER.resolve("static")));
        Files.write(FOLDER.resolve("run-time"), atRunTime);

        assertThat(atRunTime)
                .filteredOn(ReflectionIT::isOurs)
                .hasSizeGreaterThan(5)
                .isSubsetOf(registered());
    }

    /** What no extension looks after: our own classes, and libraries that are called directly. The compiler knows all enums. */
    private static boolean isOurs(String name) {
        try {
            return OURS.stream().anyMatch(name::startsWith)
                    && !name.contains("$$Lambda")
                    && !Class.forName(name, false, ReflectionIT.class.getClassLoader())
                            .isEnum();
        } catch (ClassNotFoundException e) {
            return false; // made by Quarkus's build, which then registers it
        }
    }

    /** What the compiler of the native executable would be told. */
    private static Set<String> registered() throws IOException {
        Path sources = Containers.buildElsewhere(List.of(), "-Dnative", "-Dquarkus.native.sources-only=true")
                .resolve("target/native-sources");
        Path jar;
        try (Stream<Path> files = Files.list(sources)) {
            jar = files.filter(file -> file.toString().endsWith("-runner.jar"))
                    .findFirst()
                    .orElseThrow();
        }
        try (ZipFile file = new ZipFile(jar.toFile());
                InputStream in = file.getInputStream(file.getEntry("META-INF/native-image/reflect-config.json"))) {
            return new JsonArray(new String(in.readAllBytes(), StandardCharsets.UTF_8))
                    .stream()
                            .map(entry -> ((JsonObject) entry).getString("name"))
                            .collect(Collectors.toSet());
        }
    }

    private static void seeErrors(Api api) {
        assertThat(api.register("no address", "short").code()).isEqualTo("invalid_request");
        assertThat(api.login("nobody@example.org", "12345678").code()).isEqualTo("invalid_credentials");
        assertThat(api.refresh("garbage").code()).isEqualTo("token_invalid");
        assertThat(api.post("/api/auth/refresh", new JsonObject().put("refresh_token", 1))
                        .code())
                .isEqualTo("invalid_request");
        assertThat(api.me("garbage").code()).isEqualTo("access_token_invalid");
        assertThat(api.logoutAll(api.newSession().accessToken()).status()).isEqualTo(204);
    }

    private static Map<String, String> traced(Map<String, String> settings, Path agent, String file) {
        Map<String, String> traced = new HashMap<>(settings);
        traced.put(
                "JDK_JAVA_OPTIONS",
                "--add-opens=java.base/java.lang=ALL-UNNAMED -javaagent:" + agent + "=" + FOLDER.resolve(file));
        return traced;
    }

    private static Path agent() throws IOException {
        Path jar = FOLDER.resolve("agent.jar");
        String entry = ReflectionTrace.class.getName().replace('.', '/') + ".class";
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        manifest.getMainAttributes().put(new Attributes.Name("Premain-Class"), ReflectionTrace.class.getName());
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream content = new JarOutputStream(file, manifest)) {
            content.putNextEntry(new JarEntry(entry));
            Files.copy(Path.of("target/test-classes", entry), content);
        }
        return jar;
    }
}
