package dev.latchkey.audit;

/** What {@code audit_logs.event_type} can say. */
public enum SecurityEvent {
    USER_REGISTERED,
    LOGIN_SUCCEEDED,
    LOGOUT,
    SESSION_REVOKED,
    /** A rotated token was presented again inside its retry window; once for each generation. */
    TOKEN_REPLAYED,
    /** A rotated token came back after its retry window: two parties hold it. */
    TOKEN_REUSE_ATTACK,
    /** A token of ours that the database does not know: it was restored from a backup. */
    TOKEN_UNKNOWN
}
