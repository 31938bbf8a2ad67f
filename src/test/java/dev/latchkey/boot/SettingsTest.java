package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.latchkey.access.AccessConfig;
import dev.latchkey.account.AccountConfig;
import dev.latchkey.cleanup.CleanupConfig;
import dev.latchkey.database.DatabaseConfig;
import dev.latchkey.testing.Settings;
import dev.latchkey.token.RefreshKeys;
import dev.latchkey.token.TokenConfig;
import dev.latchkey.token.TokenConfig.ReuseAction;
import io.smallrye.config.PropertiesConfigSource;
import io.smallrye.config.SmallRyeConfig;
import io.smallrye.config.SmallRyeConfigBuilder;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each setting's default and each rejection, by the names of the environment variables. */
class SettingsTest {

    private static final int ENVIRONMENT = 300;

    @Test
    void every_default_is_the_documented_one() {
        SmallRyeConfig config = config();

        AccessConfig access = config.getConfigMapping(AccessConfig.class);
        assertThat(access.accessTokenTtl()).isEqualTo(Duration.ofMinutes(15));
        assertThat(access.jwtIssuer()).isEqualTo("http://localhost:8080");
        assertThat(access.jwtAudience()).isEqualTo("latchkey");
        assertThat(access.jwtAccessSecretPrevious()).isEmpty();
        TokenConfig token = config.getConfigMapping(TokenConfig.class);
        assertThat(token.refreshTokenTtl()).isEqualTo(Duration.ofDays(30));
        assertThat(token.sessionMaxTtl()).isEqualTo(Duration.ofDays(90));
        assertThat(token.retryWindow()).isEqualTo(Duration.ofSeconds(30));
        assertThat(token.reuseAction()).isEqualTo(ReuseAction.END_SESSION);
        assertThat(token.rotationGroupSize()).isEqualTo(64);
        assertThat(token.jwtRefreshSecretPrevious()).isEmpty();
        CleanupConfig cleanup = config.getConfigMapping(CleanupConfig.class);
        assertThat(cleanup.cleanupSchedule()).isEqualTo(Duration.ofMinutes(10));
        assertThat(cleanup.cleanupRetentionDays()).isEqualTo(30);
        assertThat(cleanup.rotatedRetention()).isEqualTo(Duration.ofDays(1));
        assertThat(cleanup.auditRetention()).isEqualTo(Duration.ofDays(365));
        DatabaseConfig database = config.getConfigMapping(DatabaseConfig.class);
        assertThat(database.dbTimeout()).isEqualTo(Duration.ofSeconds(5));
        assertThat(database.migrateAtBoot()).isTrue();
        AccountConfig account = config.getConfigMapping(AccountConfig.class);
        assertThat(account.registrationEnabled()).isTrue();
        assertThat(account.passwordHashConcurrency())
                .isEqualTo(Math.max(1, Runtime.getRuntime().availableProcessors() / 2));
        SettingsCheck.HttpConfig http = config.getConfigMapping(SettingsCheck.HttpConfig.class);
        assertThat(http.corsOrigins()).isEmpty();
        assertThat(http.maxConnections()).isEqualTo(10000);
        assertThat(http.maxRequestsInProgress()).isEqualTo(1000);
        assertThat(config.getValue("quarkus.http.limits.max-connections", int.class))
                .isEqualTo(10000);
        assertThat(config.getValue("quarkus.http.port", int.class)).isEqualTo(8080);
        assertThat(config.getValue("quarkus.management.port", int.class)).isEqualTo(9000);
        assertThat(config.getValue("quarkus.log.level", String.class)).isEqualTo("INFO");
        assertThatCode(check(config)::check).doesNotThrowAnyException();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ACCESS_TOKEN_TTL      | 0s                        | ACCESS_TOKEN_TTL has to be at least 1s",
                "ACCESS_TOKEN_TTL      | 30d                       | ACCESS_TOKEN_TTL has to be shorter than REFRESH_TOKEN_TTL",
                "ACCESS_TOKEN_TTL      | 59s                       | RETRY_WINDOW may be at most half of ACCESS_TOKEN_TTL",
                "ROTATION_GROUP_SIZE   | 0                         | ROTATION_GROUP_SIZE has to be from 1 to 1000",
                "ROTATION_GROUP_SIZE   | 1001                      | ROTATION_GROUP_SIZE has to be from 1 to 1000",
                "REFRESH_TOKEN_TTL     | 90d                       | REFRESH_TOKEN_TTL has to be shorter than SESSION_MAX_TTL",
                "SESSION_MAX_TTL       | 30d                       | REFRESH_TOKEN_TTL has to be shorter than SESSION_MAX_TTL",
                "RETRY_WINDOW          | 0s                        | RETRY_WINDOW has to be from 1s to 60s",
                "RETRY_WINDOW          | 61s                       | RETRY_WINDOW has to be from 1s to 60s",
                "ROTATED_RETENTION     | 30s                       | RETRY_WINDOW has to be shorter than ROTATED_RETENTION",
                "CLEANUP_SCHEDULE      | 0s                        | CLEANUP_SCHEDULE has to be at least 1s",
                "CLEANUP_RETENTION_DAYS | -1                       | CLEANUP_RETENTION_DAYS has to be 0 or more",
                "AUDIT_RETENTION       | 0s                        | AUDIT_RETENTION has to be at least 1s",
                "PASSWORD_HASH_CONCURRENCY | 0                     | PASSWORD_HASH_CONCURRENCY has to be 1 or more",
                "DB_TIMEOUT            | 0s                        | DB_TIMEOUT has to be at least 1s",
                "MAX_CONNECTIONS       | 0                         | MAX_CONNECTIONS has to be 1 or more",
                "MAX_REQUESTS_IN_PROGRESS | 0                      | MAX_REQUESTS_IN_PROGRESS has to be 1 or more",
                "JWT_ACCESS_SECRET     | 31-bytes-of-secret-are-too-few- | JWT_ACCESS_SECRET has to have at least 32 bytes",
                "JWT_REFRESH_SECRET    | zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz | JWT_REFRESH_SECRET is one character repeated",
                "JWT_ACCESS_SECRET     | replace-me-with-a-secret-of-your-own | JWT_ACCESS_SECRET is the one of .env.example",
                "JWT_REFRESH_SECRET    | replace-me-with-a-secret-of-your-own | JWT_REFRESH_SECRET is the one of .env.example",
                "JWT_ACCESS_SECRET_PREVIOUS  | short               | JWT_ACCESS_SECRET_PREVIOUS has to have at least 32 bytes",
                "JWT_REFRESH_SECRET_PREVIOUS | short               | JWT_REFRESH_SECRET_PREVIOUS has to have at least 32 bytes",
                "CORS_ORIGINS          | *                         | CORS_ORIGINS: '*' is not an origin",
                "CORS_ORIGINS          | https://app.example.org/  | CORS_ORIGINS: 'https://app.example.org/' is not an origin",
                "CORS_ORIGINS          | https://a.example.org,ftp://b.example.org | CORS_ORIGINS: 'ftp://b.example.org' is not an origin",
                "TRUSTED_PROXIES       | 10.0.0.0/8,garb/age       | TRUSTED_PROXIES: 'garb/age' is not an address or network",
                "TRUSTED_PROXIES       | 10.0.0.0/33               | TRUSTED_PROXIES: '10.0.0.0/33' is not an address or network",
                "TRUSTED_PROXIES       | 10.0.0.300                | TRUSTED_PROXIES: '10.0.0.300' is not an address or network",
                "OTEL_ENDPOINT         | collector:4318            | OTEL_ENDPOINT is not the HTTP address of a collector",
                "OTEL_ENDPOINT         | ftp://collector           | OTEL_ENDPOINT is not the HTTP address of a collector",
                "OTEL_ENDPOINT         | http://me:mine@collector  | OTEL_ENDPOINT is not the HTTP address of a collector",
                "OTEL_ENDPOINT         | http://collector:4318/?a=b | OTEL_ENDPOINT is not the HTTP address of a collector",
                "OTEL_ENDPOINT         | http://a collector        | OTEL_ENDPOINT is not the HTTP address of a collector",
            })
    void a_setting_that_does_not_fit_is_named(String variable, String value, String message) {
        assertThatThrownBy(check(config(variable, value))::check)
                .isInstanceOf(StartupException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @ValueSource(strings = {"JWT_ACCESS_SECRET_PREVIOUS", "JWT_REFRESH_SECRET", "JWT_REFRESH_SECRET_PREVIOUS"})
    void a_secret_serves_once(String variable) {
        String secret = Settings.secret();

        assertThatThrownBy(check(config("JWT_ACCESS_SECRET", secret, variable, secret))::check)
                .hasMessageContaining(variable + " has to differ from JWT_ACCESS_SECRET")
                .hasMessageNotContaining(secret);
    }

    @Test
    void two_refresh_secrets_with_the_same_key_id_would_not_be_told_apart() {
        String secret = Settings.secret();
        String other = anotherWithKeyIdOf(secret);

        assertThatThrownBy(check(config("JWT_REFRESH_SECRET", secret, "JWT_REFRESH_SECRET_PREVIOUS", other))::check)
                .hasMessageContaining("JWT_REFRESH_SECRET and JWT_REFRESH_SECRET_PREVIOUS")
                .hasMessageContaining("the same key id");
    }

    private static String anotherWithKeyIdOf(String secret) {
        return Stream.generate(Settings::secret)
                .filter(other -> keyId(other) == keyId(secret))
                .findFirst()
                .orElseThrow();
    }

    private static byte keyId(String secret) {
        HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
        byte[] material = secret.getBytes(StandardCharsets.UTF_8);
        hkdf.init(new HKDFParameters(material, null, "latchkey/refresh/id/1".getBytes(StandardCharsets.US_ASCII)));
        byte[] id = new byte[1];
        hkdf.generateBytes(id, 0, 1);
        return id[0];
    }

    @Test
    void traces_are_off_until_a_collector_is_named() {
        assertThat(config().getValue("quarkus.otel.sdk.disabled", boolean.class))
                .isTrue();
        assertThat(config("OTEL_ENDPOINT", "").getValue("quarkus.otel.sdk.disabled", boolean.class))
                .isTrue();

        SmallRyeConfig config = config("OTEL_ENDPOINT", "https://collector.example.org/otlp");

        assertThat(config.getValue("quarkus.otel.sdk.disabled", boolean.class)).isFalse();
        assertThat(config.getValue("quarkus.otel.exporter.otlp.endpoint", String.class))
                .isEqualTo("https://collector.example.org/otlp");
        assertThatCode(check(config)::check).doesNotThrowAnyException();
    }

    @Test
    void the_limits_themselves_are_allowed() {
        SmallRyeConfig config = config(
                "RETRY_WINDOW", "60s",
                "ACCESS_TOKEN_TTL", "2m",
                "ROTATED_RETENTION", "61s",
                "REFRESH_TOKEN_TTL", "121s",
                "SESSION_MAX_TTL", "122s",
                "CLEANUP_RETENTION_DAYS", "0",
                "MAX_CONNECTIONS", "1",
                "MAX_REQUESTS_IN_PROGRESS", "1",
                "JWT_ACCESS_SECRET", "32-bytes-of-secret-are-enough-!!",
                "CORS_ORIGINS", "https://app.example.org, http://localhost:5173");

        assertThatCode(check(config)::check).doesNotThrowAnyException();
    }

    private static SettingsCheck check(SmallRyeConfig config) {
        TokenConfig token = config.getConfigMapping(TokenConfig.class);
        return new SettingsCheck(
                config.getConfigMapping(AccessConfig.class),
                token,
                config.getConfigMapping(CleanupConfig.class),
                config.getConfigMapping(AccountConfig.class),
                config.getConfigMapping(DatabaseConfig.class),
                config.getConfigMapping(SettingsCheck.HttpConfig.class),
                new RefreshKeys(token));
    }

    /** As in production: the application's own properties below the given variables. */
    private static SmallRyeConfig config(String... variables) {
        Map<String, String> environment = new HashMap<>();
        environment.put("JWT_ACCESS_SECRET", Settings.secret());
        environment.put("JWT_REFRESH_SECRET", Settings.secret());
        for (int i = 0; i < variables.length; i += 2) {
            environment.put(variables[i], variables[i + 1]);
        }
        try {
            return new SmallRyeConfigBuilder()
                    .withProfile("prod")
                    .addDefaultInterceptors()
                    .addDiscoveredConverters()
                    .withSources(new PropertiesConfigSource(environment, "environment", ENVIRONMENT))
                    .withSources(new PropertiesConfigSource(SettingsCheck.class.getResource("/application.properties")))
                    .withSources(new DerivedSettings())
                    .withMapping(AccessConfig.class)
                    .withMapping(TokenConfig.class)
                    .withMapping(CleanupConfig.class)
                    .withMapping(AccountConfig.class)
                    .withMapping(DatabaseConfig.class)
                    .withMapping(SettingsCheck.HttpConfig.class)
                    .build();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
