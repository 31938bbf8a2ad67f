package dev.latchkey.testing;

import io.quarkus.test.common.QuarkusTestResourceLifecycleManager;
import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;

/** A PostgreSQL for the packaged application, which starts in profile {@code prod} and brings none. */
public class PackagedDatabase implements QuarkusTestResourceLifecycleManager {

    private EmbeddedPostgres postgres;

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
