package dev.latchkey.access;

import io.smallrye.jwt.auth.principal.DefaultJWTCallerPrincipalFactory;
import io.smallrye.jwt.auth.principal.JWTAuthContextInfo;
import io.smallrye.jwt.auth.principal.JWTCallerPrincipal;
import io.smallrye.jwt.auth.principal.ParseException;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.json.JsonObject;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.inject.Alternative;
import java.util.Base64;

/** Reads what comes in {@code Authorization: Bearer}: as SmallRye does, and only access tokens. */
@Alternative
@Priority(1)
@ApplicationScoped
class AccessTokenReader extends DefaultJWTCallerPrincipalFactory {

    @Override
    public JWTCallerPrincipal parse(String token, JWTAuthContextInfo verification) throws ParseException {
        try {
            if (!isAccessToken(token)) {
                throw new ParseException("not an access token");
            }
            return super.parse(token, verification);
        } catch (RuntimeException e) { // not JSON, or a member of another type than the parsers reckon with
            throw new ParseException("not a JWT", e);
        }
    }

    /** RFC 9068 §4: the resource server MUST verify that {@code typ} is one of these two, and reject any other. */
    private static boolean isAccessToken(String token) {
        byte[] header = Base64.getUrlDecoder().decode(token.split("\\.", 2)[0]);
        Object type = new JsonObject(Buffer.buffer(header)).getValue("typ");
        return type instanceof String name
                && (name.equalsIgnoreCase("at+jwt") || name.equalsIgnoreCase("application/at+jwt"));
    }
}
