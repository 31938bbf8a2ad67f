package dev.latchkey.testing;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A secret's replacement in three deployments: a replica of each step, all on one database.
 *
 * @param before has the old secret
 * @param accepting has the old one and accepts the new one
 * @param swapped has the new one and accepts the old one
 * @param after has the new one
 */
public record Replacement(Packaged before, Packaged accepting, Packaged swapped, Packaged after)
        implements AutoCloseable {

    private static final String OLD = Settings.secret();
    private static final String NEW = Settings.secret();

    /** Starts all four; the variable is the one of the secret that is replaced. */
    public static Replacement of(String variable, OneDatabase database) {
        Map<String, String> common = database.settings();
        List<Packaged> replicas = Packaged.startAll(List.of(
                with(common, variable, OLD, ""),
                with(common, variable, OLD, NEW),
                with(common, variable, NEW, OLD),
                with(common, variable, NEW, "")));
        return new Replacement(replicas.get(0), replicas.get(1), replicas.get(2), replicas.get(3));
    }

    private static Map<String, String> with(
            Map<String, String> common, String variable, String secret, String previous) {
        Map<String, String> settings = new HashMap<>(common);
        settings.put(variable, secret);
        settings.put(variable + "_PREVIOUS", previous); // empty as good as absent
        return settings;
    }

    @Override
    public void close() {
        after.close();
        swapped.close();
        accepting.close();
        before.close();
    }
}
