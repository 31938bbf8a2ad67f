package dev.latchkey.refresh;

import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.Token;
import java.util.Locale;

/** What a refresh came to: a grant, or a refusal with its reason. */
sealed interface Rotation {

    /**
     * The session's live token.
     *
     * @param replayed whether it was handed out before
     */
    record Grant(Token token, Live live, boolean replayed) implements Rotation {}

    /** Why a refresh token was refused, and the effect that this had. */
    enum Refusal implements Rotation {
        /** Not made here, or changed. */
        TOKEN_INVALID,
        /** Made with a key that is not accepted, or no longer. Clients see {@code token_invalid}. */
        UNKNOWN_KEY,
        TOKEN_REVOKED,
        TOKEN_EXPIRED,
        TOKEN_UNKNOWN,
        TOO_MANY_REFRESHES,
        /** Theft: the session has ended, unless {@code REUSE_ACTION} says otherwise. */
        TOKEN_REUSED
    }

    /** The value of the metric's label {@code outcome}. */
    default String outcome() {
        if (this instanceof Grant grant) {
            return grant.replayed() ? "replayed" : "rotated";
        }
        return ((Refusal) this).name().toLowerCase(Locale.ROOT);
    }
}
