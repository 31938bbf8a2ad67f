package dev.latchkey.testing;

import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;

/**
 * Tries very many inputs. Each is made from a seed of its own, one more than the one before, and a failure says which: with
 * {@code -Dlatchkey.fuzz.seed} the run begins with just that input.
 */
public final class Fuzz {

    private static final long INPUTS = Long.getLong("latchkey.fuzz.inputs", 1_000_000);
    private static final long SEED = Long.getLong("latchkey.fuzz.seed", System.nanoTime());

    private Fuzz() {}

    /** How many inputs a test of a function tries; one that goes over the wire tries a small part of them. */
    public static long inputs() {
        return INPUTS;
    }

    /** Lets so many threads try so many inputs; the first that fails ends it. */
    public static void run(int threads, long inputs, Consumer<FuzzInput> attempt) {
        AtomicLong tried = new AtomicLong();
        Callable<Void> runner = () -> {
            for (long number = tried.getAndIncrement(); number < inputs; number = tried.getAndIncrement()) {
                try {
                    attempt.accept(new FuzzInput(SEED + number, number));
                } catch (RuntimeException | AssertionError e) {
                    tried.set(inputs);
                    throw new AssertionError("again with -Dlatchkey.fuzz.seed=" + (SEED + number), e);
                }
            }
            return null;
        };
        long start = System.nanoTime();
        try (Race race = new Race()) {
            race.run(Collections.nCopies(threads, runner));
        }
        System.out.printf("%,d inputs from seed %d in %.1f s%n", inputs, SEED, (System.nanoTime() - start) / 1e9);
    }
}
