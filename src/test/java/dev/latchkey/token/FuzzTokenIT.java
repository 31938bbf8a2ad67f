package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.Fuzz;
import dev.latchkey.testing.FuzzInput;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What the decoder made it reads as what it was made of, and nothing else does it take for a token: whatever was changed in
 * one, put together from two, spelled in another way, or made up.
 */
@Tag("faults")
class FuzzTokenIT {

    private static final String CURRENT = "the secret that new tokens are made with";
    private static final String PREVIOUS = "the secret that is accepted besides";

    /** Where the fields of a token begin: key id, session, generation, secret, tag; and where the last one ends. */
    private static final int[] FIELDS = {0, 1, 17, 21, 53, 69};

    private static final int LENGTH = 69;
    private static final int THREADS = Runtime.getRuntime().availableProcessors();

    private final TokenFormat format = new TokenFormat(new RefreshKeys(CURRENT, Optional.of(PREVIOUS)));
    private final TokenFormat previous = new TokenFormat(new RefreshKeys(PREVIOUS, Optional.empty()));

    private enum Change {
        BITS,
        BYTES,
        FIELDS,
        PIECES,
        CHARACTERS,
        SPELLING,
        PADDING,
        NOISE
    }

    @Test
    void a_token_is_read_as_what_it_was_made_of() {
        Fuzz.run(THREADS, Fuzz.inputs() / 10, input -> {
            Token token = token(input);
            expect(Optional.of(token), token.text());
        });
    }

    @Test
    void nothing_else_is_a_token() {
        Fuzz.run(THREADS, Fuzz.inputs(), input -> {
            Token token = token(input);
            Token other = token(input);
            String text = changed(input, token.text(), other.text());
            // a change may have changed nothing, or all, so that the other one is left
            expect(
                    Stream.of(token, other)
                            .filter(each -> each.text().equals(text))
                            .findAny(),
                    text);
        });
    }

    @Test
    void a_fuzzer_that_sees_which_branches_it_reaches_gets_nothing_else_in(@TempDir Path folder) throws Exception {
        Path corpus = Files.createDirectory(folder.resolve("corpus"));
        for (String token : FuzzedDecoder.made()) {
            Files.writeString(corpus.resolve(token), token);
        }

        Process jazzer = new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Xmx256m",
                        "-cp",
                        System.getProperty("java.class.path"),
                        "com.code_intelligence.jazzer.Jazzer",
                        "--target_class=" + FuzzedDecoder.class.getName(),
                        "--instrumentation_includes=" + TokenFormat.class.getPackageName() + ".*",
                        "-runs=" + Fuzz.inputs(),
                        corpus.toString())
                .directory(folder.toFile())
                .redirectErrorStream(true)
                .start();
        String output = new String(jazzer.getInputStream().readAllBytes(), StandardCharsets.UTF_8);

        assertThat(jazzer.waitFor()).as(output).isZero();
        assertThat(output).contains("Done " + Fuzz.inputs() + " runs");
    }

    private void expect(Optional<Token> expected, String text) {
        Optional<Token> read = format.read(text).token();
        boolean same = read.isPresent() && expected.isPresent()
                ? same(read.get(), expected.get())
                : read.isEmpty() && expected.isEmpty();
        if (!same) {
            throw new AssertionError(text + " was read as " + read + " instead of " + expected);
        }
    }

    private static boolean same(Token one, Token other) {
        return one.session().equals(other.session())
                && one.generation() == other.generation()
                && Arrays.equals(one.secret(), other.secret())
                && one.text().equals(other.text());
    }

    private Token token(FuzzInput input) {
        Token before = new Token(uuid(input), input.below(Integer.MAX_VALUE), input.bytes(32), "");
        return (input.once(2) ? format : previous).next(before, uuid(input));
    }

    private static UUID uuid(FuzzInput input) {
        return new UUID(input.number64(), input.number64());
    }

    private static String changed(FuzzInput input, String token, String other) {
        byte[] bytes = bytes(token);
        return switch (input.oneOf(List.of(Change.values()))) {
            case BITS -> text(flipped(input, bytes));
            case BYTES -> text(overwritten(input, bytes));
            case FIELDS -> text(exchanged(input, bytes, bytes(other)));
            case PIECES ->
                token.substring(0, input.below(token.length() + 1)) + other.substring(input.below(other.length() + 1));
            case CHARACTERS -> input.changed(token);
            case SPELLING -> spelled(input, token, bytes);
            case PADDING -> padded(input, bytes);
            case NOISE -> noise(input, bytes);
        };
    }

    private static byte[] flipped(FuzzInput input, byte[] bytes) {
        for (int flips = 1 + input.below(input.once(2) ? 1 : 16); flips > 0; flips--) {
            bytes[input.below(LENGTH)] ^= (byte) (1 << input.below(8));
        }
        return bytes;
    }

    private static byte[] overwritten(FuzzInput input, byte[] bytes) {
        int from = input.below(LENGTH);
        byte[] by = input.once(4) ? new byte[LENGTH] : input.bytes(LENGTH);
        System.arraycopy(by, 0, bytes, from, 1 + input.below(LENGTH - from));
        return bytes;
    }

    private static byte[] exchanged(FuzzInput input, byte[] bytes, byte[] others) {
        for (int field = 0; field + 1 < FIELDS.length; field++) {
            if (input.once(2)) {
                System.arraycopy(others, FIELDS[field], bytes, FIELDS[field], FIELDS[field + 1] - FIELDS[field]);
            }
        }
        return bytes;
    }

    /** The same bytes, or the same characters, in ways that a lenient reader would accept. */
    private static String spelled(FuzzInput input, String token, byte[] bytes) {
        int place = input.below(token.length());
        char character = token.charAt(place);
        return switch (input.below(8)) {
            case 0 -> "lk_" + Base64.getEncoder().encodeToString(bytes); // its own self if there is no - or _ in it
            case 1 -> "lk_" + Base64.getMimeEncoder().encodeToString(bytes);
            case 2 -> token.substring(0, place) + "\r\n" + token.substring(place);
            case 3 -> token.substring(0, place) + "%%%02x".formatted((int) character) + token.substring(place + 1);
            case 4 -> token.substring(0, place) + (char) (character + 0x100) + token.substring(place + 1);
            case 5 -> token.substring(0, place) + (char) (character ^ 0x20) + token.substring(place + 1);
            case 6 -> token + "=".repeat(1 + input.below(4));
            default -> " ".repeat(input.below(2)) + token + "\0";
        };
    }

    /** One or two bytes less, padded to the same length, with anything in the bits that are left over. */
    private static String padded(FuzzInput input, byte[] bytes) {
        int missing = 1 + input.below(2);
        byte[] padded = Base64.getUrlEncoder().encode(Arrays.copyOf(bytes, LENGTH - missing));
        String alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        int last = alphabet.indexOf(padded[padded.length - missing - 1]);
        padded[padded.length - missing - 1] = (byte) alphabet.charAt(last | input.below(1 << 2 * missing));
        return "lk_" + new String(padded, StandardCharsets.US_ASCII);
    }

    /** Random bytes, of the right length or nearly so, under a key id that is accepted or any. */
    private static String noise(FuzzInput input, byte[] bytes) {
        byte[] noise = input.bytes(input.once(4) ? input.below(2 * LENGTH) + 1 : LENGTH);
        noise[0] = input.once(4) ? noise[0] : bytes[0];
        return text(noise);
    }

    private static String text(byte[] bytes) {
        return "lk_" + Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    private static byte[] bytes(String text) {
        return Base64.getUrlDecoder().decode(text.substring(3));
    }
}
