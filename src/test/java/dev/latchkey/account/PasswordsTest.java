package dev.latchkey.account;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.latchkey.testing.Race;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

class PasswordsTest {

    private final Passwords passwords = new Passwords(new AccountConfig() {
        @Override
        public boolean registrationEnabled() {
            return true;
        }

        @Override
        public int passwordHashConcurrency() {
            return 1;
        }
    });

    @Test
    void a_hash_names_its_parameters_and_has_a_salt_of_its_own() {
        String one = passwords.hash("a password");
        String other = passwords.hash("a password");

        assertThat(one).startsWith("$argon2id$v=19$m=19456,t=2,p=1$").isNotEqualTo(other);
        assertThat(passwords.matches("a password", one)).isTrue();
        assertThat(passwords.matches("another password", one)).isFalse();
        assertThat(passwords.outdated(one)).isFalse();
    }

    @Test
    void nothing_matches_what_is_no_hash() {
        for (String hash : new String[] {null, "", "nobody", "$2", "$argon2", "$argon2id$v=19$", "$2a$10$"}) {
            assertThat(passwords.matches("nobody", hash)).as(hash).isFalse();
        }
    }

    @Test
    void an_imported_hash_that_takes_more_memory_than_there_is_harms_nobody_else() {
        String imported = passwords.hash("a password").replace("m=19456", "m=2000000000");

        assertThatThrownBy(() -> passwords.matches("a password", imported))
                .hasMessageContainingAll("2000000000 KiB", "PASSWORD_HASH_CONCURRENCY");
        assertThat(passwords.matches("a password", passwords.hash("a password")))
                .isTrue();
    }

    /** Of one that is hashed at once, 16 wait; whoever comes then is told at once. */
    @Test
    void who_comes_when_too_many_wait_is_refused() {
        List<Callable<Boolean>> runners = new ArrayList<>();
        for (int i = 0; i < 40; i++) {
            runners.add(() -> {
                try {
                    passwords.hash("a password");
                    return true;
                } catch (Passwords.OverloadedException e) {
                    return false;
                }
            });
        }
        try (Race race = new Race()) {
            List<Boolean> hashed = race.run(runners);
            assertThat(hashed.stream().filter(each -> each).count()).isBetween(17L, 39L);
        }
        assertThat(passwords.matches("a password", passwords.hash("a password")))
                .isTrue();
    }

    @Test
    void the_refusal_carries_no_stack_trace_since_it_comes_in_bursts() {
        assertThatThrownBy(() -> {
                    throw new Passwords.OverloadedException();
                })
                .hasNoCause()
                .matches(e -> e.getStackTrace().length == 0);
    }
}
