package dev.latchkey.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;

/** Waits for what comes soon, by asking for it. */
public final class Waiting {

    private static final Duration SOON = Duration.ofSeconds(30);

    private Waiting() {}

    public static void until(BooleanSupplier condition) {
        until(SOON, condition);
    }

    public static void until(Duration atMost, BooleanSupplier condition) {
        Instant end = Instant.now().plus(atMost);
        while (!condition.getAsBoolean()) {
            if (Instant.now().isAfter(end)) {
                throw new IllegalStateException("did not come within " + atMost);
            }
            pause();
        }
    }

    private static void pause() {
        try {
            Thread.sleep(20);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}
