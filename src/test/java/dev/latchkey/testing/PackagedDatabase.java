package dev.latchkey.testing;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A PostgreSQL for the packaged application, which starts in profile {@code prod} and brings none. */
public class PackagedDatabase implements QuarkusTestResourceLifecycleManager {

    private static final String SECRETS_PROPERTY = "latchkey.test.secrets";

    private EmbeddedPostgres postgres;

    /** The secrets that the packaged application was given. */
    public static List<String> secrets() {
        return List.of(System.getProperty(SECRETS_PROPERTY).split(" "));
    }

    @Override
    public Map<String, String> start() {
        try {
            postgres = EmbeddedPostgres.builder().start();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        String url = postgres.getJdbcUrl("postgres", "postgres");
        System.setProperty(Db.URL_PROPERTY, url);
        String managementPort = Integer.toString(Settings.freePort());
        System.setProperty(Management.PORT_PROPERTY, managementPort);
        Map<String, String> settings = new HashMap<>(Settings.forTests());
        System.setProperty(
                SECRETS_PROPERTY, settings.get("JWT_ACCESS_SECRET") + " " + settings.get("JWT_REFRESH_SECRET"));
        settings.put("MANAGEMENT_PORT", managementPort);
        settings.put("DB_URL", url);
        settings.put("DB_USER", "postgres");
        settings.put("DB_PASSWORD", "postgres");
        return settings;
    }

    @Override
    public void stop() {
        System.clearProperty(Db.URL_PROPERTY);
        System.clearProperty(Management.PORT_PROPERTY);
        try {
            postgres.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
