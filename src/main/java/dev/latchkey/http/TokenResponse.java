package dev.latchkey.http;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.UUID;
import org.eclipse.microprofile.openapi.annotations.media.Schema;

/** The answer to a login and to a refresh: RFC 6749 §5.1, and what a client of ours wants to know besides. */
public record TokenResponse(
        @Schema(description = "A signed JWT (RFC 9068): send it as Authorization: Bearer", examples = "eyJhbGciOi…")
        @JsonProperty("access_token")
        String accessToken,

        @Schema(examples = "Bearer") @JsonProperty("token_type")
        String tokenType,

        @Schema(description = "Seconds until the access token expires", examples = "900") @JsonProperty("expires_in")
        long expiresIn,

        @Schema(description = "Opaque; replace it with the one of the next answer", examples = "lk_ZW4gdG9rZW4…")
        @JsonProperty("refresh_token")
        String refreshToken,

        @Schema(description = "Seconds until the refresh token expires, if it is not used", examples = "2592000")
        @JsonProperty("refresh_expires_in")
        long refreshExpiresIn,

        @JsonProperty("session_id") UUID sessionId) {

    /** Never the tokens. */
    @Override
    public String toString() {
        return "TokenResponse[sessionId=" + sessionId + "]";
    }
}
