package dev.latchkey.reliability;

import java.nio.ByteBuffer;
import java.util.Base64;

/**
 * One request that a client made of a session, and what it saw of the answer.
 *
 * @param presented the generation of the token that was sent
 * @param start when it was sent, in nanoseconds of {@link System#nanoTime()}
 * @param end when the answer had come, or was given up
 * @param code of a refusal, otherwise null
 * @param handed the refresh token that came back, otherwise null
 */
record Call(Kind kind, int presented, long start, long end, Outcome outcome, String code, String handed) {

    enum Kind {
        REGISTER,
        LOGIN,
        REFRESH,
        LOGOUT,
        LOGOUT_ALL,
        /** Another session of the user logged out everywhere. */
        LOGOUT_ELSEWHERE,
        ME
    }

    enum Outcome {
        DONE,
        REFUSED,
        /** 503, or a proxy's 502 or 504: it may have been done, or be done yet. */
        LATER,
        /** The connection broke, or the client gave up: it may have been done, or be done yet. */
        LOST,
        /** What no client should ever see. */
        WRONG
    }

    /** The generation inside a token's text: the four bytes after the key id and the session id. */
    static int generation(String token) {
        return ByteBuffer.wrap(Base64.getUrlDecoder().decode(token.substring(3)), 17, 4)
                .getInt();
    }

    /** The same as another session of the user sees it. */
    Call elsewhere() {
        return new Call(Kind.LOGOUT_ELSEWHERE, presented, start, end, outcome, code, handed);
    }

    boolean is(Kind kind, Outcome outcome) {
        return this.kind == kind && this.outcome == outcome;
    }

    boolean refused(String code) {
        return outcome == Outcome.REFUSED && code.equals(this.code);
    }

    /** Whether nobody but the service knows what came of it. */
    boolean open() {
        return outcome == Outcome.LATER || outcome == Outcome.LOST;
    }

    /** The generation that came back; -1 if none did. */
    int brought() {
        return handed == null ? -1 : generation(handed);
    }

    /** One line of a history, in milliseconds since the given moment. */
    String line(long origin) {
        return "%9.1f to %9.1f ms  %-10s %3d  %-7s %s"
                .formatted(
                        (start - origin) / 1e6,
                        (end - origin) / 1e6,
                        kind,
                        presented,
                        outcome,
                        handed != null ? "brought " + brought() : code == null ? "" : code);
    }
}
