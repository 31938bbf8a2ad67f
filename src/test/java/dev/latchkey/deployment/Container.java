package dev.latchkey.deployment;

import dev.latchkey.testing.Api;
import dev.latchkey.testing.Memory;
import dev.latchkey.testing.Settings;
import dev.latchkey.testing.Waiting;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A container of ours that runs as the manifests want it: read-only, without capabilities, in 256 MiB. */
final class Container implements AutoCloseable {

    private static final Duration LONGEST_START = Duration.ofMinutes(3);

    /** As any container in these tests; the limits are what this machine lets it set. */
    static final List<String> CONFINED = List.of(
            "--network=host",
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=4096:4096",
            "--memory=256m",
            "--read-only",
            "--read-only-tmpfs=false",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges");

    private final String name;
    private final Process process;
    private final Path output;
    private final int port = Settings.freePort();
    private final int managementPort = Settings.freePort();

    private Container(String image, Map<String, String> settings) {
        this.name = "latchkey-" + port;
        Map<String, String> all = new HashMap<>(settings);
        all.put("HTTP_PORT", Integer.toString(port));
        all.put("MANAGEMENT_PORT", Integer.toString(managementPort));
        List<String> command = new ArrayList<>(Containers.podmanCommand("run", "--rm", "--name=" + name));
        command.addAll(CONFINED);
        all.forEach((setting, value) -> command.add("--env=" + setting + "=" + value));
        command.add(image);
        try {
            this.output = Files.createTempFile(Containers.FOLDER, "container-", ".log");
            this.process = new ProcessBuilder(command)
                    .redirectErrorStream(true)
                    .redirectOutput(output.toFile())
                    .start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Starts one and waits until it is ready. */
    static Container start(String image, Map<String, String> settings) {
        Container container = new Container(image, settings);
        try {
            Waiting.until(LONGEST_START, () -> !container.process.isAlive() || isReady(container.management()));
        } catch (IllegalStateException e) {
            container.close();
            throw new IllegalStateException(container.output(), e);
        }
        if (!container.process.isAlive()) {
            throw new IllegalStateException(container.output());
        }
        return container;
    }

    static boolean isReady(Api management) {
        try {
            return management.send(management.request("/q/health/ready")).status() == 200;
        } catch (UncheckedIOException e) {
            return false;
        }
    }

    Api api() {
        return Api.at("http://localhost:" + port);
    }

    Api management() {
        return Api.at("http://localhost:" + managementPort);
    }

    /** All that it has printed so far. */
    String output() {
        try {
            return Files.readString(output);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Mebibytes of memory that are its own: that of files the system can take back. */
    long ownMebibytes() {
        String pid =
                Containers.podman("inspect", "--format={{.State.Pid}}", name).strip();
        return Memory.ownMebibytes(ProcessHandle.of(Long.parseLong(pid)).orElseThrow());
    }

    /** Asks it to stop, as Kubernetes does; returns its exit code. */
    int stop() {
        try {
            Containers.podman("stop", "--time=45", name);
            return process.waitFor();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        if (process.isAlive()) {
            Containers.podman("kill", name);
        }
    }
}
