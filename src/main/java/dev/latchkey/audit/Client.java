package dev.latchkey.audit;

/**
 * Who made a request.
 *
 * @param ip the address, that of the client itself where the proxies between are trusted
 * @param userAgent the {@code User-Agent} header, without control characters and cut at 512; null if absent
 */
public record Client(String ip, String userAgent) {

    private static final int LONGEST_IP = 64;
    private static final int LONGEST_USER_AGENT = 512;

    /** Takes both as they came over the wire. */
    public static Client of(String ip, String userAgent) {
        return new Client(cut(printable(ip), LONGEST_IP), cut(printable(userAgent), LONGEST_USER_AGENT));
    }

    private static String cut(String text, int longest) {
        return text == null || text.length() <= longest ? text : printable(text.substring(0, longest));
    }

    /** A client's text without control characters and halves of surrogate pairs, which PostgreSQL refuses to store. */
    public static String printable(String text) {
        if (text == null) {
            return null;
        }
        return text.codePoints()
                .filter(c -> !Character.isISOControl(c) && Character.getType(c) != Character.SURROGATE)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
    }
}
