package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Settings;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.zip.ZipFile;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whoever builds a commit gets the same program: in another folder, on one core, elsewhere in the world, with secrets around. */
@Tag("images")
class ReproducibleBuildIT {

    private static final Path PROGRAM = Path.of("target/quarkus-app");

    /** Made by a JVM for itself. */
    private static final String ARCHIVE = "latchkey.jsa";

    /** Quarkus 3.33 numbers what is in it by the order of its threads, and Hibernate's proxies have random names in them. */
    private static final String GENERATED = "quarkus/generated-bytecode.jar";

    @Test
    void another_build_makes_the_same_bytes_whatever_its_environment() throws IOException {
        Path elsewhere = Containers.buildElsewhere(List.of(
                "LANG=de_DE.UTF-8",
                "TZ=Asia/Tokyo",
                "JAVA_TOOL_OPTIONS=-Duser.language=de -Duser.country=DE -XX:ActiveProcessorCount=1",
                "DB_POOL_SIZE=3",
                "JWT_ACCESS_SECRET=" + Settings.secret(),
                "JWT_REFRESH_SECRET=" + Settings.secret()));

        assertThat(hashes(elsewhere.resolve(PROGRAM))).hasSizeGreaterThan(100).isEqualTo(hashes(PROGRAM));
        assertThat(entries(elsewhere.resolve(PROGRAM).resolve(GENERATED)))
                .hasSizeGreaterThan(100)
                .isEqualTo(entries(PROGRAM.resolve(GENERATED)));
    }

    private static List<String> entries(Path jar) throws IOException {
        try (ZipFile file = new ZipFile(jar.toFile())) {
            return file.stream()
                    .map(entry -> entry.getName() + " " + entry.getTimeLocal())
                    .toList();
        }
    }

    private static Map<String, String> hashes(Path folder) throws IOException {
        Map<String, String> hashes = new TreeMap<>();
        try (Stream<Path> files = Files.walk(folder)) {
            files.filter(Files::isRegularFile)
                    .filter(file -> !file.endsWith(ARCHIVE) && !file.endsWith(GENERATED))
                    .forEach(file -> hashes.put(folder.relativize(file).toString(), hash(file)));
        }
        return hashes;
    }

    private static String hash(Path file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(file)));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }
}
