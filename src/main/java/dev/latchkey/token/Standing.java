package dev.latchkey.token;

/**
 * What a presented token of ours is that the rotation did not accept: the rows of the decision table, in its order. The
 * statement of {@link RefreshTokens#look} tells them apart.
 */
public enum Standing {
    /** Its session has ended, for whatever reason, or left no row. */
    ENDED,
    /** Its session or the session's head is past its expiry, or the head was cleaned away. */
    EXPIRED,
    /** Its generation is above the head's, or its row has another hash: the database was restored from a backup. */
    UNKNOWN,
    /** It is the head after all: what stood in the rotation's way is over. */
    LIVE,
    /** Rotated inside the retry window, or by this very request. */
    REPLAYED,
    /** The same, but too many generations behind. */
    TOO_FAR_BEHIND,
    /** Rotated outside the window, or its row was pruned: two parties hold it. */
    REUSED
}
