package dev.latchkey.testing;

import java.util.List;
import java.util.SplittableRandom;

/** What one input is made from: always the same for the same seed. */
public final class FuzzInput {

    /** What parsers stumble over; a character is a byte. */
    private static final List<String> ODD = List.of(
            "\0",
            "\t",
            "\n",
            "\r\n",
            "\r\n\r\n",
            " ",
            "\"",
            "'",
            "\\",
            "/",
            "//",
            "..",
            "%",
            "%00",
            "%2f",
            "%zz",
            "%ff",
            "?",
            "#",
            "&",
            "=",
            ";",
            ",",
            ":",
            "::",
            "@",
            "[",
            "]",
            "[]",
            "{",
            "}",
            "{}",
            "<",
            "|",
            "~",
            "\u007f",
            "\u0080",
            "\u00ff",
            "\u00c0\u0080",
            "\u00ed\u00a0\u0080",
            "\u00e2\u0080\u00ae",
            "\u00f0\u009f\u0098\u0080",
            "\\u0000",
            "\\ud800",
            "\\udc00",
            "null",
            "true",
            "NaN",
            "0",
            "-1",
            "+1",
            "1e999",
            "0x10",
            "65536",
            "2147483648",
            "9223372036854775808",
            "99999999999999999999",
            "lk_",
            "Bearer ",
            "e30",
            "*",
            "*/*",
            "q=2",
            "http://",
            "localhost",
            "127.0.0.1",
            "::1",
            "[::1%25x]:0",
            "unknown",
            "$",
            "${x}",
            "%s%n",
            "\u00df",
            "HTTP/1.1",
            "HTTP/1.2",
            "chunked",
            "close",
            "Upgrade");

    private static final int LONGEST = 5_000;

    private final SplittableRandom random;
    private final long number;

    FuzzInput(long seed, long number) {
        this.random = new SplittableRandom(seed);
        this.number = number;
    }

    /** Its place in the run, from 0. */
    public long number() {
        return number;
    }

    /** 0 or more, and less than the bound. */
    public int below(int bound) {
        return random.nextInt(bound);
    }

    /** True once in so many times. */
    public boolean once(int in) {
        return below(in) == 0;
    }

    public long number64() {
        return random.nextLong();
    }

    public <T> T oneOf(List<T> choices) {
        return choices.get(below(choices.size()));
    }

    public byte[] bytes(int length) {
        byte[] bytes = new byte[length];
        random.nextBytes(bytes);
        return bytes;
    }

    /** The text with one to three changes: pieces that are gone, doubled, replaced, put in between, or a flipped bit. */
    public String changed(String text) {
        StringBuilder changed = new StringBuilder(text);
        for (int changes = 1 + below(3); changes > 0; changes--) {
            change(changed);
        }
        return changed.toString();
    }

    private void change(StringBuilder text) {
        int from = below(text.length() + 1);
        int to = Math.min(text.length(), from + 1 + below(once(8) ? LONGEST : 8));
        switch (below(6)) {
            case 0 -> text.delete(from, to);
            case 1 -> text.insert(from, text.substring(from, to));
            case 2 -> text.replace(from, to, oneOf(ODD));
            case 3 -> text.insert(from, oneOf(ODD));
            case 4 -> text.insert(from, repeated(oneOf(ODD)));
            default -> {
                if (from < text.length()) {
                    text.setCharAt(from, (char) (text.charAt(from) ^ 1 << below(8)));
                }
            }
        }
    }

    private String repeated(String piece) {
        return piece.repeat(1 + below(once(4) ? LONGEST / piece.length() : 20));
    }
}
