package dev.latchkey.token;

/** Why a session ended, as {@code login_sessions.end_reason} and {@code refresh_tokens.revoked_reason} say. */
public enum EndReason {
    /** Its owner logged out of it. */
    LOGOUT,
    /** Its owner logged out everywhere. */
    LOGOUT_ALL,
    /** An operator ended it; also written by the SQL functions. */
    ADMIN,
    /** The user's password was changed elsewhere. */
    PASSWORD_CHANGED,
    /** One of its rotated tokens came back. */
    REUSE,
    /** It slipped in while its user's sessions ended; the clean-up marks it. */
    SUPERSEDED
}
