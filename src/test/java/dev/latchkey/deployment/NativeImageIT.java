package dev.latchkey.deployment;

import static org.assertj.core.api.Assertions.assertThat;

import io.vertx.core.json.JsonArray;
import io.vertx.core.json.JsonObject;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The native image, with everything but the compilation: the executable in it is a shell, which looks around. */
@Tag("images")
class NativeImageIT {

    private static final String LOOK_AROUND = """
            while read -r key value rest; do
                case $key in Uid:|Gid:|CapEff:|NoNewPrivs:) echo $key $value;; esac
            done < /proc/self/status
            echo LANG $LANG
            for folder in / /app /tmp; do
                if (echo > $folder/file) 2> /dev/null; then echo writes to $folder; fi
            done
            for folder in /bin /usr/bin /sbin /usr/sbin /usr/local/bin; do
                for file in $folder/*; do if [ -f $file ] && [ -x $file ]; then echo has $file; fi; done
            done
            for file in /app/* /usr/lib/libz.so.1; do echo has $file; done
            """;

    @Test
    void holds_the_executable_and_nothing_else_that_could_be_run() {
        String image = Containers.build("Dockerfile.native", "BUILDER");

        List<String> command = new ArrayList<>(Containers.podmanCommand("run", "--rm"));
        command.addAll(Container.CONFINED);
        command.addAll(List.of(image, "-c", LOOK_AROUND));
        // what belongs to the C library is no way in
        assertThat(Containers.run(command)
                        .lines()
                        .filter(line -> !line.matches("has .*/(ld\\.so|iconv|zdump|tzselect)")))
                .containsExactlyInAnyOrder(
                        "Uid: 65532",
                        "Gid: 65532",
                        "CapEff: 0000000000000000",
                        "NoNewPrivs: 1",
                        "LANG C.UTF-8",
                        "has /app/latchkey",
                        "has /usr/lib/libz.so.1");
    }

    @Test
    void says_what_it_is() {
        String image = Containers.build("Dockerfile.native", "BUILDER");

        JsonObject config = new JsonArray(Containers.podman("image", "inspect", image))
                .getJsonObject(0)
                .getJsonObject("Config");
        assertThat(config.getString("User")).isEqualTo("65532:65532");
        assertThat(config.getJsonArray("Entrypoint")).containsExactly("/app/latchkey");
        assertThat(config.getJsonObject("ExposedPorts").fieldNames()).containsExactlyInAnyOrder("8080/tcp", "9000/tcp");
        assertThat(config.getJsonObject("Labels").getMap())
                .containsEntry("org.opencontainers.image.title", "Latchkey")
                .containsEntry("org.opencontainers.image.version", "1.2.3")
                .containsKeys("org.opencontainers.image.licenses", "org.opencontainers.image.revision");
    }
}
