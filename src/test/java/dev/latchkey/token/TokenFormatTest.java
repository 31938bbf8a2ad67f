package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;

/**
 * Holds the format: whatever fails here ends every session of every deployment. What is expected is computed from DESIGN's
 * words with nothing but HMAC-SHA-256, and written down once more as text.
 */
class TokenFormatTest {

    private static final String SECRET = "correct horse battery staple, several times over";
    private static final String OTHER_SECRET = "another secret that is long enough to be accepted";
    private static final UUID SESSION = UUID.fromString("01234567-89ab-4cde-8f01-23456789abcd");
    private static final UUID SUCCESSOR = UUID.fromString("fedcba98-7654-4321-8fed-cba987654321");
    private static final byte[] TOKEN_SECRET =
            HexFormat.of().parseHex("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");

    private final TokenFormat format = format(SECRET, null);

    @Test
    void a_token_that_was_made_by_the_words_of_the_design_is_read() throws Exception {
        Token token = read(format, text(SECRET, SESSION, 7, TOKEN_SECRET));

        assertThat(token.session()).isEqualTo(SESSION);
        assertThat(token.generation()).isEqualTo(7);
        assertThat(token.secret()).isEqualTo(TOKEN_SECRET);
    }

    @Test
    void the_text_stays_what_it_was() throws Exception {
        assertThat(text(SECRET, SESSION, 7, TOKEN_SECRET))
                .isEqualTo(
                        "lk_TAEjRWeJq0zejwEjRWeJq80AAAAHAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh-_FSHzOr4rBrjWcx2ZeQ7O");
        assertThat(read(format, text(SECRET, SESSION, 7, TOKEN_SECRET)).hash())
                .isEqualTo("e9faf190664e29f648a608c393d67b02eb95766d8b6a86c4df828ea836d9a9cf");
        assertThat(next(format, SESSION).text())
                .isEqualTo(
                        "lk_TAEjRWeJq0zejwEjRWeJq80AAAAIhS4dKApBvg9UehsPQDKzgwismfegjqxQ4b37P3VyBdsQq81O21x_nFzBF-ITAHBp");
    }

    @Test
    void the_successor_is_derived_from_the_secret_and_the_row_under_a_key_of_its_own() throws Exception {
        byte[] secret = hmac(hkdf(SECRET, "latchkey/refresh/next/1", 32), concat(TOKEN_SECRET, bytes(SUCCESSOR)));

        Token next = next(format, SESSION);

        assertThat(next.text()).isEqualTo(text(SECRET, SESSION, 8, secret));
        assertThat(next.generation()).isEqualTo(8);
        assertThat(next.session()).isEqualTo(SESSION);
    }

    @Test
    void the_hash_is_sha_256_of_the_text_in_lower_case_hex() throws Exception {
        Token token = format.first(SESSION);

        byte[] digest = MessageDigest.getInstance("SHA-256").digest(token.text().getBytes(StandardCharsets.US_ASCII));
        assertThat(token.hash()).isEqualTo(HexFormat.of().formatHex(digest));
    }

    @Test
    void what_is_written_is_read_again() {
        Token token = format.first(SESSION);

        Token read = read(format, token.text());

        assertThat(token.text()).matches("lk_[A-Za-z0-9_-]{92}");
        assertThat(read.session()).isEqualTo(SESSION);
        assertThat(read.generation()).isZero();
        assertThat(read.secret()).isEqualTo(token.secret()).hasSize(32);
    }

    @Test
    void two_first_tokens_have_nothing_secret_in_common() {
        assertThat(format.first(SESSION).secret())
                .isNotEqualTo(format.first(SESSION).secret());
    }

    @Test
    void each_flipped_bit_is_noticed() throws Exception {
        byte[] bytes = bytes(format.first(SESSION).text());
        for (int bit = 0; bit < 8 * bytes.length; bit++) {
            byte[] changed = bytes.clone();
            changed[bit / 8] ^= (byte) (1 << (bit % 8));
            assertThat(format.read(text(changed)).token()).as("bit " + bit).isEmpty();
        }
    }

    @Test
    void each_other_spelling_is_refused() {
        String text = format.first(SESSION).text();
        String body = text.substring(3);
        for (String spelling : new String[] {
            "",
            "lk_",
            body,
            "LK_" + body,
            "lk-" + body,
            text + "=",
            text + "==",
            text + "\n",
            " " + text,
            text + "A",
            text + "AAAA",
            text.substring(0, text.length() - 1),
            text.substring(0, text.length() - 4),
            text.substring(0, text.length() - 4) + "====",
            text.substring(0, text.length() - 1) + "=",
            text.substring(0, text.length() - 2) + "==",
            text.substring(0, 10) + "\n" + text.substring(10),
            text.substring(0, 10) + " " + text.substring(11),
            text.substring(0, 10) + "\u0410" + text.substring(11),
            text.substring(0, 10) + "\ud83d\ude00" + text.substring(12),
            text.substring(0, 10) + "\u0000" + text.substring(11),
            text + text,
            "lk_" + "A".repeat(92)
        }) {
            assertThat(format.read(spelling).token()).as(spelling).isEmpty();
        }
        assertThat(format.read(text).token()).isPresent();
    }

    /** 69 bytes fill the last character, so that there are no trailing bits to play with. */
    @Test
    void each_changed_character_is_noticed() {
        String text = format.first(SESSION).text();
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/";
        for (int place = 3; place < text.length(); place++) {
            for (char other : alphabet.toCharArray()) {
                if (other != text.charAt(place)) {
                    String changed = text.substring(0, place) + other + text.substring(place + 1);
                    assertThat(format.read(changed).token()).as(changed).isEmpty();
                }
            }
        }
    }

    @Test
    void the_standard_alphabet_is_not_the_url_safe_one() throws Exception {
        byte[] secret = TOKEN_SECRET.clone();
        Arrays.fill(secret, (byte) 0xff); // so that there are characters in which the two differ
        String text = text(SECRET, SESSION, 0, secret);

        assertThat(format.read(text).token()).isPresent();
        assertThat(format.read("lk_" + text.substring(3).replace('_', '/').replace('-', '+'))
                        .token())
                .isEmpty();
    }

    @Test
    void a_generation_below_zero_is_refused_although_its_tag_is_right() throws Exception {
        assertThat(format.read(text(SECRET, SESSION, -1, TOKEN_SECRET)).token()).isEmpty();
    }

    @Test
    void a_key_that_is_not_accepted_is_told_from_a_wrong_tag() throws Exception {
        TokenFormat.Reading unknown = format.read(text(OTHER_SECRET, SESSION, 0, TOKEN_SECRET));
        byte[] wrongTag = bytes(format.first(SESSION).text());
        wrongTag[60] ^= 1;

        assertThat(unknown.token()).isEmpty();
        assertThat(unknown.unknownKey()).isTrue();
        assertThat(format.read(text(wrongTag)).unknownKey()).isFalse();
    }

    @Test
    void both_accepted_secrets_read_and_the_current_one_writes() throws Exception {
        TokenFormat both = format(SECRET, OTHER_SECRET);

        assertThat(both.read(text(SECRET, SESSION, 0, TOKEN_SECRET)).token()).isPresent();
        assertThat(both.read(text(OTHER_SECRET, SESSION, 0, TOKEN_SECRET)).token())
                .isPresent();
        assertThat(bytes(both.first(SESSION).text())[0]).isEqualTo(hkdf(SECRET, "latchkey/refresh/id/1", 1)[0]);
    }

    @Test
    void a_successor_is_found_with_whichever_accepted_secret_made_it() throws Exception {
        TokenFormat before = format(OTHER_SECRET, SECRET);
        TokenFormat after = format(SECRET, OTHER_SECRET);
        TokenFormat without = format(SECRET, null);
        Token presented = read(before, text(SECRET, SESSION, 0, TOKEN_SECRET));
        Token successor = before.next(presented, SUCCESSOR);
        RefreshTokens.Link link = new RefreshTokens.Link(SUCCESSOR, successor.hash());

        assertThat(after.next(presented, link).map(Token::text)).contains(successor.text());
        assertThat(without.next(presented, link)).isEmpty();
        assertThat(after.next(presented, new RefreshTokens.Link(SESSION, successor.hash())))
                .isEmpty();
    }

    @Test
    void printing_a_token_reveals_nothing() {
        Token token = format.first(SESSION);

        assertThat(token.toString())
                .doesNotContain(
                        token.text(), token.text().substring(40), HexFormat.of().formatHex(token.secret()))
                .contains(SESSION.toString());
        assertThat(format.read(token.text()).toString()).doesNotContain(token.text());
    }

    private static TokenFormat format(String secret, String previous) {
        return new TokenFormat(new RefreshKeys(secret, Optional.ofNullable(previous)));
    }

    private static Token read(TokenFormat format, String text) {
        return format.read(text).token().orElseThrow();
    }

    private static Token next(TokenFormat format, UUID session) throws GeneralSecurityException {
        return format.next(read(format, text(SECRET, session, 7, TOKEN_SECRET)), SUCCESSOR);
    }

    /** A token, by the words of DESIGN. */
    private static String text(String secret, UUID session, int generation, byte[] tokenSecret)
            throws GeneralSecurityException {
        byte[] tagged = concat(
                hkdf(secret, "latchkey/refresh/id/1", 1),
                bytes(session),
                ByteBuffer.allocate(4).putInt(generation).array(),
                tokenSecret);
        byte[] tag = Arrays.copyOf(hmac(hkdf(secret, "latchkey/refresh/tag/1", 32), tagged), 16);
        return text(concat(tagged, tag));
    }

    private static String text(byte[] bytes) {
        return "lk_" + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static byte[] bytes(String text) {
        return Base64.getUrlDecoder().decode(text.substring(3));
    }

    private static byte[] bytes(UUID uuid) {
        return HexFormat.of().parseHex(uuid.toString().replace("-", ""));
    }

    /** RFC 5869 with SHA-256 and no salt, for at most one block. */
    static byte[] hkdf(String secret, String info, int length) throws GeneralSecurityException {
        byte[] pseudoRandomKey = hmac(new byte[32], secret.getBytes(StandardCharsets.UTF_8));
        byte[] block = hmac(pseudoRandomKey, concat(info.getBytes(StandardCharsets.US_ASCII), new byte[] {1}));
        return Arrays.copyOf(block, length);
    }

    private static byte[] hmac(byte[] key, byte[] message) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(message);
    }

    private static byte[] concat(byte[]... parts) {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            all.writeBytes(part);
        }
        return all.toByteArray();
    }
}
