package dev.latchkey.account;

import io.opentelemetry.instrumentation.annotations.WithSpan;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.springframework.security.crypto.argon2.Argon2PasswordEncoder;
import org.springframework.security.crypto.bcrypt.BCryptPasswordEncoder;

/**
 * Hashes and checks passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane). Hashes that were imported, as
 * bcrypt or with other parameters, are accepted and replaced at the next login. Hashing is honest work, so only so many run
 * at once, and only so many wait: a burst of logins takes neither the memory nor the threads of everybody else.
 */
@ApplicationScoped
class Passwords {

    private static final int SALT_BYTES = 16;
    private static final int HASH_BYTES = 32;
    private static final int LANES = 1;
    private static final int KIBIBYTES = 19 * 1024;
    private static final int PASSES = 2;

    /** What an imported hash says that it takes. */
    private static final Pattern MEMORY = Pattern.compile("[$,]m=(\\d{1,18}),");

    /** Of the heap, that all which are hashed at once may take. */
    private static final double SHARE_OF_HEAP = 0.6;

    /** As many may wait for each one that is hashed: about a second's worth. */
    private static final int MOST_WAITING_FOR_EACH = 16;

    /** Each that waits takes one of some 200 worker threads; most are for everybody else. */
    private static final int MOST_WAITING = 64;

    private final Argon2PasswordEncoder argon2 =
            new Argon2PasswordEncoder(SALT_BYTES, HASH_BYTES, LANES, KIBIBYTES, PASSES);
    private final BCryptPasswordEncoder bcrypt = new BCryptPasswordEncoder();
    private final Semaphore permits;
    private final int mostInside;
    private final long mostKibibytes;
    private final AtomicInteger inside = new AtomicInteger();

    /** Checked when there is nothing to check against, so that a login takes the same time whether or not the user exists. */
    private final String nobodysHash;

    Passwords(AccountConfig config) {
        this.permits = new Semaphore(config.passwordHashConcurrency(), true);
        this.mostInside = config.passwordHashConcurrency()
                + Math.min(MOST_WAITING_FOR_EACH * config.passwordHashConcurrency(), MOST_WAITING);
        this.mostKibibytes = Math.max(KIBIBYTES, (long)
                (SHARE_OF_HEAP * Runtime.getRuntime().maxMemory() / 1024 / config.passwordHashConcurrency()));
        this.nobodysHash = argon2.encode("nobody");
    }

    /** Too many passwords wait already. */
    static class OverloadedException extends RuntimeException {

        @java.io.Serial
        private static final long serialVersionUID = 1;

        OverloadedException() {
            super("too many passwords wait", null, false, false);
        }
    }

    /**
     * @return the hash in the PHC string format
     * @throws OverloadedException if too many wait already
     */
    @WithSpan("password")
    String hash(String password) {
        return inTurn(() -> argon2.encode(password));
    }

    /**
     * Checks a password, for as long as a check takes, whatever there is to check it against.
     *
     * @param hash null if there is no such user, or the user has no password
     * @throws OverloadedException if too many wait already
     * @throws IllegalStateException if the hash was imported, and takes more memory than there is
     */
    @WithSpan("password")
    boolean matches(String password, String hash) {
        return inTurn(() -> {
            if (hash != null && hash.startsWith("$argon2")) {
                demandMemory(hash);
                return argon2.matches(password, hash);
            }
            if (hash != null && hash.startsWith("$2")) {
                return matchesImported(password, hash);
            }
            argon2.matches(password, nobodysHash);
            return false;
        });
    }

    /** Whoever tries to take more than there is ends the JVM. */
    private void demandMemory(String hash) {
        Matcher memory = MEMORY.matcher(hash);
        if (memory.find() && Long.parseLong(memory.group(1)) > mostKibibytes) {
            throw new IllegalStateException("an imported password hash takes " + memory.group(1)
                    + " KiB, and there are " + mostKibibytes
                    + ": give this service more memory, or PASSWORD_HASH_CONCURRENCY a lower number");
        }
    }

    private boolean matchesImported(String password, String hash) {
        try {
            return bcrypt.matches(password, hash);
        } catch (IllegalArgumentException e) {
            return false; // it only looks like a hash, but has an impossible cost or salt
        }
    }

    /** Whether a hash is weaker than, or other than, what {@link #hash} makes. */
    boolean outdated(String hash) {
        return !hash.startsWith("$argon2id") || argon2.upgradeEncoding(hash);
    }

    private <T> T inTurn(Supplier<T> work) {
        if (inside.incrementAndGet() > mostInside) {
            inside.decrementAndGet();
            throw new OverloadedException();
        }
        try {
            permits.acquireUninterruptibly();
            try {
                return work.get();
            } finally {
                permits.release();
            }
        } finally {
            inside.decrementAndGet();
        }
    }
}
