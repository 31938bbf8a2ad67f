package dev.latchkey.http;

import java.util.Locale;

/** Every error that a client of {@code /api} can see. Its name in lower case is the {@code code}. */
public enum Problem {
    INVALID_REQUEST(400, "The request is not valid"),
    INVALID_CREDENTIALS(401, "E-mail or password is wrong"),
    TOKEN_INVALID(401, "The refresh token is not valid"),
    TOKEN_REVOKED(401, "The session has ended"),
    TOKEN_EXPIRED(401, "The session has expired"),
    TOKEN_UNKNOWN(401, "The refresh token is not known"),
    TOKEN_REUSED(401, "The refresh token was used before"),
    ACCESS_TOKEN_MISSING(401, "An access token is needed"),
    ACCESS_TOKEN_INVALID(401, "The access token is not valid"),
    SESSION_ENDED(401, "The session of the access token has ended"),
    REGISTRATION_DISABLED(403, "Registration is disabled"),
    FORBIDDEN(403, "This is not allowed"),
    NOT_FOUND(404, "There is nothing here"),
    METHOD_NOT_ALLOWED(405, "The method is not allowed here"),
    NOT_ACCEPTABLE(406, "No answer in an acceptable type"),
    REQUEST_TIMEOUT(408, "The request did not come in time"),
    EMAIL_TAKEN(409, "The e-mail address is taken"),
    PAYLOAD_TOO_LARGE(413, "The request is too large"),
    UNSUPPORTED_MEDIA_TYPE(415, "The request has to be application/json"),
    TOO_MANY_REFRESHES(429, "The refresh token is too far behind"),
    INTERNAL_ERROR(500, "Something went wrong here"),
    OVERLOADED(503, "Too many logins at once"),
    TEMPORARILY_UNAVAILABLE(503, "The service is not available for the moment");

    private final int status;
    private final String title;

    Problem(int status, String title) {
        this.status = status;
        this.title = title;
    }

    public int status() {
        return status;
    }

    public String code() {
        return name().toLowerCase(Locale.ROOT);
    }

    String title() {
        return title;
    }

    /** What RFC 6750 §3.1 has in {@code WWW-Authenticate}: an error only where a token was presented. */
    String challenge() {
        return switch (this) {
            case TOKEN_INVALID,
                    TOKEN_REVOKED,
                    TOKEN_EXPIRED,
                    TOKEN_UNKNOWN,
                    TOKEN_REUSED,
                    ACCESS_TOKEN_INVALID,
                    SESSION_ENDED -> "Bearer error=\"invalid_token\"";
            default -> "Bearer";
        };
    }
}
