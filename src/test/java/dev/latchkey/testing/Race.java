package dev.latchkey.testing;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Lets threads loose at the same moment. */
public final class Race implements AutoCloseable {

    private final ExecutorService threads = Executors.newCachedThreadPool();

    /** Runs all at once and waits for all; the results are in the order of the runners. */
    public <T> List<T> run(List<? extends Callable<? extends T>> runners) {
        CyclicBarrier line = new CyclicBarrier(runners.size());
        List<Future<? extends T>> running = new ArrayList<>();
        for (Callable<? extends T> runner : runners) {
            running.add(threads.submit(() -> {
                line.await();
                return runner.call();
            }));
        }
        List<T> results = new ArrayList<>();
        for (Future<? extends T> one : running) {
            results.add(result(one));
        }
        return results;
    }

    /** Starts one that is not waited for yet. */
    public <T> Future<T> start(Callable<T> runner) {
        return threads.submit(runner);
    }

    public static <T> T result(Future<? extends T> running) {
        try {
            return running.get();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e.getCause());
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
