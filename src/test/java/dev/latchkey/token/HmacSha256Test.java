package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.bouncycastle.crypto.digests.SHA256Digest;
import org.bouncycastle.crypto.generators.HKDFBytesGenerator;
import org.bouncycastle.crypto.params.HKDFParameters;
import org.junit.jupiter.api.Test;

class HmacSha256Test {

    /** RFC 5869, A.3: neither salt nor info. */
    @Test
    void it_is_the_key_derivation_of_the_rfc() {
        String secret = "\u000b".repeat(22);

        assertThat(HexFormat.of().formatHex(HmacSha256.derive(secret, "", 32)))
                .isEqualTo("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
    }

    @Test
    void it_yields_what_another_implementation_does() {
        String info = "latchkey/a purpose/1";
        for (String secret :
                new String[] {"s", "a secret, with umlauts: äöü", "longer than a block: " + "x".repeat(200)}) {
            for (int length : new int[] {1, 9, 32}) {
                byte[] expected = new byte[length];
                HKDFBytesGenerator hkdf = new HKDFBytesGenerator(new SHA256Digest());
                hkdf.init(new HKDFParameters(
                        secret.getBytes(StandardCharsets.UTF_8), null, info.getBytes(StandardCharsets.US_ASCII)));
                hkdf.generateBytes(expected, 0, length);

                assertThat(HmacSha256.derive(secret, info, length)).isEqualTo(expected);
            }
        }
    }

    @Test
    void more_than_a_block_is_not_to_be_had() {
        assertThatThrownBy(() -> HmacSha256.derive("secret", "info", 33)).isInstanceOf(IllegalArgumentException.class);
    }
}
