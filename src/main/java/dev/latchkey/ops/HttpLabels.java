package dev.latchkey.ops;

import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.distribution.DistributionStatisticConfig;
import jakarta.enterprise.inject.Produces;
import jakarta.inject.Singleton;
import java.util.Set;

/**
 * What the HTTP metrics tell of a request.
 *
 * <p>Keeps strangers from making up series of the HTTP metrics. A request that is refused before it finds its resource (a long
 * body, a path that can't be decoded, a preflight) would be measured under whatever path and method it came with, forever.
 */
class HttpLabels {

    private static final Set<String> METHODS = Set.of("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS");

    /** What the API has; a test compares it with OpenAPI. */
    private static final Set<String> PATHS = Set.of(
            "/api/auth/register",
            "/api/auth/login",
            "/api/auth/refresh",
            "/api/auth/logout",
            "/api/auth/logout-all",
            "/api/auth/me");

    private static final String OTHER = "OTHER";
    private static final String CLIENT_ERROR = "CLIENT_ERROR";

    @Produces
    @Singleton
    MeterFilter knownMethods() {
        return MeterFilter.replaceTagValues("method", method -> METHODS.contains(method) ? method : OTHER);
    }

    /** What has no slash is Quarkus's own word: NOT_FOUND, say. */
    @Produces
    @Singleton
    MeterFilter knownPaths() {
        return MeterFilter.replaceTagValues("uri", uri -> !uri.startsWith("/") || PATHS.contains(uri) ? uri : OTHER);
    }

    /** Percentiles of all instances together can be made of buckets only. What clients do wrong has many series and needs none. */
    @Produces
    @Singleton
    MeterFilter buckets() {
        return new MeterFilter() {
            @Override
            public DistributionStatisticConfig configure(Meter.Id id, DistributionStatisticConfig config) {
                if (!id.getName().equals("http.server.requests")
                        || !PATHS.contains(id.getTag("uri"))
                        || CLIENT_ERROR.equals(id.getTag("outcome"))) {
                    return config;
                }
                return DistributionStatisticConfig.builder()
                        .serviceLevelObjectives(Metrics.bucketNanos())
                        .build()
                        .merge(config);
            }
        };
    }
}
