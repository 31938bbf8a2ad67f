package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

class RefreshKeysTest {

    private static final String SECRET = "a secret of a deployment, with umlauts: äöü";

    @Test
    void a_key_id_is_one_byte_derived_from_the_secret() throws Exception {
        assertThat(new RefreshKey(SECRET).id()).isEqualTo(TokenFormatTest.hkdf(SECRET, "latchkey/refresh/id/1", 1)[0]);
    }

    @Test
    void the_current_secret_comes_first_and_the_previous_one_is_accepted_too() {
        RefreshKeys keys = new RefreshKeys(SECRET, Optional.of(secretWithAnotherId()));

        assertThat(keys.current()).isSameAs(keys.accepted().get(0));
        assertThat(keys.accepted()).hasSize(2);
        assertThat(keys.current().id()).isEqualTo(new RefreshKey(SECRET).id());
        assertThat(keys.withId(new RefreshKey(secretWithAnotherId()).id()))
                .contains(keys.accepted().get(1));
        assertThat(keys.ambiguous()).isFalse();
    }

    @Test
    void a_key_id_of_no_accepted_secret_leads_nowhere() {
        RefreshKeys keys = new RefreshKeys(SECRET, Optional.empty());

        assertThat(keys.withId(new RefreshKey(secretWithAnotherId()).id())).isEmpty();
        assertThat(keys.ambiguous()).isFalse();
    }

    @Test
    void two_secrets_with_the_same_key_id_are_noticed() {
        byte id = new RefreshKey(SECRET).id();
        String other = secret(candidate -> new RefreshKey(candidate).id() == id);

        assertThat(new RefreshKeys(SECRET, Optional.of(other)).ambiguous()).isTrue();
    }

    @Test
    void printing_keys_reveals_nothing() {
        RefreshKeys keys = new RefreshKeys(SECRET, Optional.of(secretWithAnotherId()));

        assertThat(keys + " " + keys.accepted()).doesNotContain("secret of", "another", "[B@");
    }

    private static String secretWithAnotherId() {
        byte id = new RefreshKey(SECRET).id();
        return secret(candidate -> new RefreshKey(candidate).id() != id);
    }

    private static String secret(java.util.function.Predicate<String> wanted) {
        for (int i = 0; ; i++) {
            String candidate = "another secret of a deployment, number " + i;
            if (wanted.test(candidate)) {
                return candidate;
            }
        }
    }
}
