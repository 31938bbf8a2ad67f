package dev.latchkey.reliability;

import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Settings;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Several of the service on one database, with the same secrets; each keeps its ports when it is started again. */
final class Replicas implements AutoCloseable {

    private final List<Map<String, String>> settings = new ArrayList<>();
    private final List<Packaged> running;

    private Replicas(int count, Map<String, String> common) {
        for (int i = 0; i < count; i++) {
            Map<String, String> own = new HashMap<>(common);
            own.put("HTTP_PORT", Integer.toString(Settings.freePort()));
            own.put("MANAGEMENT_PORT", Integer.toString(Settings.freePort()));
            settings.add(own);
        }
        this.running = new ArrayList<>(Packaged.startAll(settings));
    }

    static Replicas start(int count, Map<String, String> common) {
        return new Replicas(count, common);
    }

    List<Integer> ports() {
        return running.stream().map(Packaged::port).toList();
    }

    void kill(int which) {
        running.get(which).close();
    }

    /** As Kubernetes does it: a signal, and time to finish what was begun; returns the exit code. */
    int stop(int which) {
        running.get(which).terminate();
        return running.get(which).waitFor(Duration.ofSeconds(40));
    }

    void startAgain(int which) {
        running.set(which, Packaged.start(settings.get(which)));
    }

    @Override
    public void close() {
        running.forEach(Packaged::close);
    }
}
