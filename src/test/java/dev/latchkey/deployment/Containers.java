package dev.latchkey.deployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Images and containers without a Docker engine or a registry, by the commands that {@code .ci/run} installs. The bases stay in
 * {@code target/containers}, where the next run finds them.
 */
final class Containers {

    static final Path FOLDER = Path.of("target/containers").toAbsolutePath();

    private static final String PREFIX = "localhost/latchkey-test/";
    private static final List<String> STORAGE =
            List.of("--root", FOLDER + "/storage", "--runroot", FOLDER + "/run", "--storage-driver", "vfs");

    // A Debian with a JDK, with unzip, since a build has no network to install it from, and with what stands in for
    // native-image. Out of the same Debian a base without a shell: the C library, the time zones and a user.
    private static final String MAKE_BASES = """
            container=$(buildah $STORAGE from scratch)
            debian=$(buildah $STORAGE mount $container)
            debootstrap --variant=minbase --include=unzip bookworm $debian > $FOLDER/debootstrap.log
            cp -rL $JDK $debian/opt/jdk
            cp src/test/containers/native-image $debian/opt/jdk/bin/
            buildah $STORAGE config --env JAVA_HOME=/opt/jdk --env PATH=/opt/jdk/bin:/usr/sbin:/usr/bin $container
            small=$(buildah $STORAGE from scratch)
            base=$(buildah $STORAGE mount $small)
            mkdir $base/etc
            mkdir --mode=1777 $base/tmp
            echo nonroot:x:65532:65532::/:/sbin/nologin > $base/etc/passwd
            cd $debian
            cat var/lib/dpkg/info/libc6:*.list var/lib/dpkg/info/tzdata.list | while read -r file; do
                if [ ! -d .$file ]; then cp -a --parents .$file $base; fi
            done
            buildah $STORAGE commit --quiet --rm $small ${PREFIX}base
            buildah $STORAGE commit --quiet --rm $container ${PREFIX}builder
            """;

    /** Those that a virtual machine lets be set; podman's own are higher. */
    private static final String LIMITS = """
            [containers]
            default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
            """;

    private static final Set<String> BUILT = new HashSet<>();

    private Containers() {}

    /**
     * Builds an image with one of the Dockerfiles, on bases of the tests' own.
     *
     * @param builder the argument that names the image to build with
     * @return the image's name
     */
    static String build(String dockerfile, String builder) {
        String image = PREFIX + dockerfile.toLowerCase(java.util.Locale.ROOT);
        if (BUILT.add(image)) {
            makeBases();
            run(with(
                    "buildah",
                    "bud",
                    "--isolation=chroot",
                    "--ulimit=nofile=10000:10000",
                    "--file=docker/" + dockerfile,
                    "--tag=" + image,
                    "--build-arg=" + builder + "=" + PREFIX + "builder",
                    "--build-arg=BASE=" + PREFIX + "base",
                    "--build-arg=MAVEN_ARGS=--offline",
                    "--build-arg=VERSION=1.2.3",
                    "--volume=" + Path.of(System.getProperty("user.home"), ".m2") + ":/maven",
                    "."));
        }
        return image;
    }

    private static void makeBases() {
        if (exists(PREFIX + "builder")) {
            return;
        }
        run(List.of(
                "env",
                "STORAGE=" + String.join(" ", STORAGE),
                "FOLDER=" + FOLDER,
                "PREFIX=" + PREFIX,
                "JDK=" + jdk25(),
                "bash",
                "-euo",
                "pipefail",
                "-c",
                MAKE_BASES));
    }

    private static boolean exists(String image) {
        return !run(with("buildah", "images", "--quiet", "--filter=reference=" + image))
                .isBlank();
    }

    /** The one that runs this, or one that is installed beside it. */
    private static Path jdk25() {
        if (Runtime.version().feature() == 25) {
            return Path.of(System.getProperty("java.home"));
        }
        try (Stream<Path> installed = Files.list(Path.of("/usr/lib/jvm"))) {
            return Stream.concat(
                            System.getenv().entrySet().stream()
                                    .filter(variable -> variable.getKey().startsWith("JAVA_HOME_25"))
                                    .map(Map.Entry::getValue)
                                    .map(Path::of),
                            installed.filter(Containers::is25))
                    .findFirst()
                    .orElseThrow(() -> new IllegalStateException("no JDK 25 in /usr/lib/jvm or JAVA_HOME_25…"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean is25(Path jdk) {
        try {
            Path release = jdk.resolve("release");
            return Files.exists(release) && Files.readString(release).contains("JAVA_VERSION=\"25");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Builds the program out of a copy of its sources, with variables and options; returns the folder of the copy. */
    static Path buildElsewhere(List<String> variables, String... options) {
        Path elsewhere;
        try {
            elsewhere = Files.createTempDirectory(Path.of("target"), "elsewhere-");
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        run(List.of("cp", "-a", "--parents", ".mvn", "pom.xml", "src/main", elsewhere.toString()));
        List<String> command = new ArrayList<>(List.of("env", "--chdir=" + elsewhere));
        command.addAll(variables);
        command.addAll(List.of(
                System.getProperty("maven.home") + "/bin/mvn",
                "--offline",
                "--quiet",
                "package",
                "-DskipTests",
                "-DskipArchive",
                "-Dspotless.check.skip"));
        command.addAll(List.of(options));
        run(command);
        return elsewhere;
    }

    /** A command of podman. */
    static String podman(String... arguments) {
        return run(podmanCommand(arguments));
    }

    static List<String> podmanCommand(String... arguments) {
        List<String> command = with("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs");
        command.addAll(List.of(arguments));
        return command;
    }

    private static List<String> with(String program, String... arguments) {
        List<String> command = new ArrayList<>(List.of(program));
        command.addAll(STORAGE);
        command.addAll(Arrays.asList(arguments));
        return command;
    }

    /** Runs a command to its end; returns what it printed. Fails with that if the command fails. */
    static String run(List<String> command) {
        try {
            Files.createDirectories(FOLDER);
            Path configuration = Files.writeString(FOLDER.resolve("containers.conf"), LIMITS);
            Path errors = Files.createTempFile(FOLDER, "command-", ".log");
            ProcessBuilder builder = new ProcessBuilder(command).redirectError(errors.toFile());
            builder.environment().put("CONTAINERS_CONF", configuration.toString());
            Process process = builder.start();
            process.getOutputStream().close();
            String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            if (process.waitFor() != 0) {
                throw new IllegalStateException(String.join(" ", command) + "\n" + output + Files.readString(errors));
            }
            return output;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
