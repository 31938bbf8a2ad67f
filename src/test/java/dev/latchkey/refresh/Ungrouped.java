package dev.latchkey.refresh;

import io.quarkus.test.junit.QuarkusTestProfile;
import java.util.Map;

/** With grouping switched off: each rotation is a statement of its own. */
public class Ungrouped implements QuarkusTestProfile {

    /** Before all others, so that the application is started anew only once. */
    static final int ORDER = 1;

    @Override
    public Map<String, String> getConfigOverrides() {
        return Map.of("latchkey.rotation-group-size", "1");
    }
}
