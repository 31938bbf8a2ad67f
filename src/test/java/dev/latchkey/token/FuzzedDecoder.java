package dev.latchkey.token;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What Jazzer calls in a process of its own: the decoder, which has to accept a few tokens and nothing else. */
public final class FuzzedDecoder {

    private static final TokenFormat FORMAT =
            new TokenFormat(new RefreshKeys("the secret that is fuzzed", Optional.of("and the one before")));
    private static final Set<String> MADE = made();

    private FuzzedDecoder() {}

    /** The tokens that it accepts, the same ones in each process. */
    static Set<String> made() {
        return Stream.iterate(
                        new Token(new UUID(0, 0), 0, new byte[32], ""), token -> FORMAT.next(token, new UUID(0, 0)))
                .skip(1)
                .limit(8)
                .map(Token::text)
                .collect(Collectors.toUnmodifiableSet());
    }

    /** Its name and what it takes are Jazzer's. */
    public static void fuzzerTestOneInput(byte[] input) {
        String text = new String(input, StandardCharsets.UTF_8);
        if (FORMAT.read(text).token().isPresent() != MADE.contains(text)) {
            throw new AssertionError(text);
        }
    }
}
