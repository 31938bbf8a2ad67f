package dev.latchkey.reliability;

import dev.latchkey.testing.Management;
import dev.latchkey.testing.Packaged;
import dev.latchkey.testing.Waiting;
import java.util.List;

/** What a service holds while nothing is asked of it. */
record FuzzFootprint(long threads, long series, long heapBytes) {

    /** Threads that began for as many requests at once go after a minute; some of the JVM's own come late. */
    private static final int FEW_THREADS = 16;

    private static final int FEW_SERIES = 100;

    /** What is measured moves by so much by itself; and a few bytes for each input. */
    private static final long LITTLE_HEAP = 3 << 20;

    private static final long FEW_BYTES = 50;

    /** Waits until no request is unanswered and no connection to the database in use. */
    static FuzzFootprint of(Packaged service) {
        for (String gauge : List.of(
                "latchkey_requests_in_progress",
                "http_server_active_requests{server_port=\"" + service.port(),
                "agroal_active_count{",
                "agroal_awaiting_count{")) {
            Waiting.until(() -> Management.metric(service.management(), gauge) == 0);
        }
        String metrics = service.management()
                .send(service.management().request("/q/metrics"))
                .body();
        return new FuzzFootprint(
                (long) Management.metric(service.management(), "jvm_threads_live_threads"),
                metrics.lines().count(),
                Packaged.isNative() ? 0 : service.liveHeap());
    }

    boolean hardlyMoreThan(FuzzFootprint before, long inputs) {
        return threads <= before.threads + FEW_THREADS
                && series <= before.series + FEW_SERIES
                && heapBytes <= before.heapBytes + LITTLE_HEAP + FEW_BYTES * inputs;
    }
}
