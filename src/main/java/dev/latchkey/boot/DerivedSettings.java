package dev.latchkey.boot;

import io.quarkus.runtime.configuration.DurationConverter;
import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigSourceFactory;
import io.smallrye.config.ConfigValue;
import io.smallrye.config.PropertiesConfigSource;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.eclipse.microprofile.config.spi.ConfigSource;

/** Settings that follow from others, or from the machine: defaults by its cores, and what Quarkus wants said in other words. */
public class DerivedSettings implements ConfigSourceFactory {

    /** Below everything that an operator may write. */
    private static final int ORDINAL = 50;

    private static final String DEFAULT_TIMEOUT = "5s";

    /** How much of {@code DB_TIMEOUT} the server has. */
    private static final int SERVER_PERCENT = 80;

    /** How much of it for a lock: a row that somebody else holds must not take the time of those that came with it. */
    private static final int LOCK_PERCENT = 40;

    @Override
    public Iterable<ConfigSource> getConfigSources(ConfigSourceContext context) {
        Map<String, String> settings = new HashMap<>();
        settings.put("quarkus.http.cors.enabled", Boolean.toString(isSet(context, "CORS_ORIGINS")));
        putTraces(context, settings);
        putTimeout(context, settings);
        return List.of(byCores(), new PropertiesConfigSource(settings, "derived settings", ORDINAL));
    }

    /** Found by their names and not listed: Quarkus writes what is listed while it builds into the program. */
    private static ConfigSource byCores() {
        int cores = Runtime.getRuntime().availableProcessors();
        Map<String, String> settings = Map.of(
                "PASSWORD_HASH_CONCURRENCY", Integer.toString(Math.max(1, cores / 2)),
                "DB_POOL_SIZE", Integer.toString(Math.max(8, 4 * cores)));
        return new PropertiesConfigSource(settings, "settings by cores", ORDINAL) {

            @Override
            public Set<String> getPropertyNames() {
                return Set.of();
            }
        };
    }

    /** Without a collector nothing of OpenTelemetry runs. What is no address, SettingsCheck says. */
    private static void putTraces(ConfigSourceContext context, Map<String, String> settings) {
        ConfigValue endpoint = context.getValue("OTEL_ENDPOINT");
        boolean traced = endpoint != null && SettingsCheck.isCollector(endpoint.getValue());
        settings.put("quarkus.otel.sdk.disabled", Boolean.toString(!traced));
        if (traced) {
            settings.put(
                    "quarkus.otel.exporter.otlp.endpoint", endpoint.getValue().strip());
        }
    }

    /**
     * The driver's timeouts are whole seconds. It closes the connection then; it never sends a cancel, which may lie. The server
     * gives up a little earlier: a rotation that was given up here must not happen there, later, behind the client's back. It
     * also ends a transaction in which nothing happens: its replica may have lost its power while it held locks.
     */
    private static void putTimeout(ConfigSourceContext context, Map<String, String> settings) {
        Duration timeout;
        try {
            ConfigValue value = context.getValue("DB_TIMEOUT");
            timeout = DurationConverter.parseDuration(
                    value == null || value.getValue() == null ? DEFAULT_TIMEOUT : value.getValue());
        } catch (RuntimeException e) {
            return; // DatabaseConfig says what is wrong
        }
        String seconds = Long.toString(Math.max(1, timeout.plusMillis(999).toSeconds()));
        settings.put("quarkus.datasource.jdbc.additional-jdbc-properties.socketTimeout", seconds);
        settings.put("quarkus.datasource.jdbc.additional-jdbc-properties.connectTimeout", seconds);
        settings.put(
                "quarkus.datasource.jdbc.new-connection-sql",
                "SET statement_timeout = %d; SET lock_timeout = %d; SET idle_in_transaction_session_timeout = %d"
                        .formatted(
                                timeout.toMillis() * SERVER_PERCENT / 100,
                                timeout.toMillis() * LOCK_PERCENT / 100,
                                timeout.toMillis()));
    }

    private static boolean isSet(ConfigSourceContext context, String name) {
        ConfigValue value = context.getValue(name);
        return value != null && value.getValue() != null && !value.getValue().isBlank();
    }
}
