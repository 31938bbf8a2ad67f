package dev.latchkey.boot;

import dev.latchkey.access.AccessConfig;
import dev.latchkey.account.AccountConfig;
import dev.latchkey.cleanup.CleanupConfig;
import dev.latchkey.database.DatabaseConfig;
import dev.latchkey.token.RefreshKeys;
import dev.latchkey.token.TokenConfig;
import io.smallrye.common.net.Inet;
import io.smallrye.config.ConfigMapping;
import jakarta.enterprise.context.ApplicationScoped;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Checks what each setting alone can't tell: secrets that are weak, durations that don't go together. */
@ApplicationScoped
class SettingsCheck {

    private static final int SHORTEST_SECRET = 32;

    /** What the secrets in {@code .env.example} begin with. */
    private static final String PLACEHOLDER = "replace-me";

    private static final Duration LONGEST_RETRY_WINDOW = Duration.ofSeconds(60);

    private static final int LARGEST_ROTATION_GROUP = 1000;

    private final AccessConfig access;
    private final TokenConfig token;
    private final CleanupConfig cleanup;
    private final AccountConfig account;
    private final DatabaseConfig database;
    private final HttpConfig http;
    private final RefreshKeys refreshKeys;

    /** Settings that nobody else reads from here: Quarkus or {@code http} acts on them. */
    @ConfigMapping(prefix = "latchkey")
    interface HttpConfig {
        /** {@code CORS_ORIGINS}. */
        Optional<List<String>> corsOrigins();

        /** {@code TRUSTED_PROXIES}. */
        Optional<List<String>> trustedProxies();

        /** {@code MAX_CONNECTIONS}: how many clients may be connected at once. */
        int maxConnections();

        /** {@code MAX_REQUESTS_IN_PROGRESS}: how many requests are worked on at once; one more is shed. */
        int maxRequestsInProgress();

        /** {@code OTEL_ENDPOINT}. */
        Optional<String> otelEndpoint();
    }

    SettingsCheck(
            AccessConfig access,
            TokenConfig token,
            CleanupConfig cleanup,
            AccountConfig account,
            DatabaseConfig database,
            HttpConfig http,
            RefreshKeys refreshKeys) {
        this.access = access;
        this.token = token;
        this.cleanup = cleanup;
        this.account = account;
        this.database = database;
        this.http = http;
        this.refreshKeys = refreshKeys;
    }

    /**
     * @throws StartupException naming every setting that is wrong
     */
    void check() {
        List<String> problems = new ArrayList<>();
        checkSecrets(problems);
        checkLifetimes(problems);
        checkRetention(problems);
        checkTheRest(problems);
        if (!problems.isEmpty()) {
            throw new StartupException(String.join("; ", problems));
        }
    }

    private void checkSecrets(List<String> problems) {
        Map<String, String> variables = new HashMap<>();
        checkSecret("JWT_ACCESS_SECRET", access.jwtAccessSecret(), variables, problems);
        checkSecret("JWT_REFRESH_SECRET", token.jwtRefreshSecret(), variables, problems);
        access.jwtAccessSecretPrevious()
                .ifPresent(secret -> checkSecret("JWT_ACCESS_SECRET_PREVIOUS", secret, variables, problems));
        token.jwtRefreshSecretPrevious()
                .ifPresent(secret -> checkSecret("JWT_REFRESH_SECRET_PREVIOUS", secret, variables, problems));
        if (problems.isEmpty() && refreshKeys.ambiguous()) {
            problems.add(
                    "JWT_REFRESH_SECRET and JWT_REFRESH_SECRET_PREVIOUS happen to have the same key id: make another secret");
        }
    }

    /** Says nothing of the secret itself. */
    private static void checkSecret(
            String variable, String secret, Map<String, String> variables, List<String> problems) {
        if (secret.getBytes(StandardCharsets.UTF_8).length < SHORTEST_SECRET) {
            problems.add(variable + " has to have at least " + SHORTEST_SECRET
                    + " bytes; make one: openssl rand -base64 48");
        } else if (secret.startsWith(PLACEHOLDER)) {
            problems.add(variable + " is the one of .env.example; make your own: openssl rand -base64 48");
        } else if (secret.chars().distinct().count() == 1) {
            problems.add(variable + " is one character repeated; make one: openssl rand -base64 48");
        }
        String other = variables.putIfAbsent(secret, variable);
        if (other != null) {
            problems.add(variable + " has to differ from " + other);
        }
    }

    private void checkLifetimes(List<String> problems) {
        if (access.accessTokenTtl().compareTo(Duration.ofSeconds(1)) < 0) {
            problems.add("ACCESS_TOKEN_TTL has to be at least 1s");
        }
        if (access.accessTokenTtl().compareTo(token.refreshTokenTtl()) >= 0) {
            problems.add("ACCESS_TOKEN_TTL has to be shorter than REFRESH_TOKEN_TTL");
        }
        if (token.refreshTokenTtl().compareTo(token.sessionMaxTtl()) >= 0) {
            problems.add("REFRESH_TOKEN_TTL has to be shorter than SESSION_MAX_TTL");
        }
        Duration window = token.retryWindow();
        if (window.compareTo(Duration.ofSeconds(1)) < 0 || window.compareTo(LONGEST_RETRY_WINDOW) > 0) {
            problems.add("RETRY_WINDOW has to be from 1s to 60s");
        }
        if (window.multipliedBy(2).compareTo(access.accessTokenTtl()) > 0) {
            problems.add("RETRY_WINDOW may be at most half of ACCESS_TOKEN_TTL");
        }
        if (window.compareTo(cleanup.rotatedRetention()) >= 0) {
            problems.add("RETRY_WINDOW has to be shorter than ROTATED_RETENTION");
        }
    }

    private void checkRetention(List<String> problems) {
        if (cleanup.cleanupSchedule().compareTo(Duration.ofSeconds(1)) < 0) {
            problems.add("CLEANUP_SCHEDULE has to be at least 1s");
        }
        if (cleanup.cleanupRetentionDays() < 0) {
            problems.add("CLEANUP_RETENTION_DAYS has to be 0 or more");
        }
        if (cleanup.auditRetention().compareTo(Duration.ofSeconds(1)) < 0) {
            problems.add("AUDIT_RETENTION has to be at least 1s");
        }
    }

    private void checkTheRest(List<String> problems) {
        if (account.passwordHashConcurrency() < 1) {
            problems.add("PASSWORD_HASH_CONCURRENCY has to be 1 or more");
        }
        if (database.dbTimeout().compareTo(Duration.ofSeconds(1)) < 0) {
            problems.add("DB_TIMEOUT has to be at least 1s");
        }
        if (token.rotationGroupSize() < 1 || token.rotationGroupSize() > LARGEST_ROTATION_GROUP) {
            problems.add("ROTATION_GROUP_SIZE has to be from 1 to " + LARGEST_ROTATION_GROUP);
        }
        if (http.maxConnections() < 1) {
            problems.add("MAX_CONNECTIONS has to be 1 or more");
        }
        if (http.maxRequestsInProgress() < 1) {
            problems.add("MAX_REQUESTS_IN_PROGRESS has to be 1 or more");
        }
        if (access.jwtIssuer().isBlank() || access.jwtAudience().isBlank()) {
            problems.add("JWT_ISSUER and JWT_AUDIENCE can't be blank");
        }
        for (String origin : http.corsOrigins().orElse(List.of())) {
            if (!isOrigin(origin.strip())) {
                problems.add("CORS_ORIGINS: '" + origin + "' is not an origin, such as https://app.example.org");
            }
        }
        for (String proxy : http.trustedProxies().orElse(List.of())) {
            if (!isProxy(proxy.strip())) {
                problems.add("TRUSTED_PROXIES: '" + proxy + "' is not an address or network, such as 10.0.0.0/8");
            }
        }
        if (http.otelEndpoint().isPresent() && !isCollector(http.otelEndpoint().get())) {
            problems.add("OTEL_ENDPOINT is not the HTTP address of a collector, such as http://collector:4318");
        }
    }

    /** Whether it is an HTTP address, with a path at most. */
    static boolean isCollector(String text) {
        try {
            URI uri = URI.create(text == null ? "" : text.strip());
            return uri.getHost() != null
                    && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && uri.getUserInfo() == null
                    && uri.getQuery() == null
                    && uri.getFragment() == null;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private static boolean isProxy(String text) {
        return text.contains("/") ? Inet.parseCidrAddress(text) != null : Inet.parseInetAddress(text) != null;
    }

    private static boolean isOrigin(String text) {
        try {
            URI uri = URI.create(text);
            return uri.getHost() != null
                    && ("http".equals(uri.getScheme()) || "https".equals(uri.getScheme()))
                    && text.equals(uri.getScheme() + "://" + uri.getAuthority())
                    && uri.getUserInfo() == null;
        } catch (IllegalArgumentException e) {
            return false;
        }
    }
}
