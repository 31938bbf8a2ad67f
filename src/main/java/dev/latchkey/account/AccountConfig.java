package dev.latchkey.account;

import io.smallrye.config.ConfigMapping;

/** Users and their passwords. */
@ConfigMapping(prefix = "latchkey")
public interface AccountConfig {

    /** {@code REGISTRATION_ENABLED}: whether anybody may register. */
    boolean registrationEnabled();

    /** {@code PASSWORD_HASH_CONCURRENCY}: how many passwords are hashed at once, each in 19 MiB. */
    int passwordHashConcurrency();
}
