package dev.latchkey.access;

import dev.latchkey.token.Sessions;
import dev.latchkey.token.Sessions.Living;
import io.quarkus.security.AuthenticationFailedException;
import io.quarkus.security.identity.AuthenticationRequestContext;
import io.quarkus.security.identity.SecurityIdentity;
import io.quarkus.security.identity.SecurityIdentityAugmentor;
import io.quarkus.security.runtime.QuarkusSecurityIdentity;
import io.smallrye.mutiny.Uni;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Map;
import java.util.UUID;
import org.eclipse.microprofile.jwt.JsonWebToken;

/** Looks the session of every access token up: here it is accepted only while its session lives. */
@ApplicationScoped
public class SessionCheck implements SecurityIdentityAugmentor {

    private static final String SESSION = "latchkey.session";

    private final Sessions sessions;

    SessionCheck(Sessions sessions) {
        this.sessions = sessions;
    }

    /** The session that a bearer call comes from. */
    public static Living session(SecurityIdentity caller) {
        return caller.getAttribute(SESSION);
    }

    @Override
    public Uni<SecurityIdentity> augment(SecurityIdentity identity, AuthenticationRequestContext context) {
        if (identity.isAnonymous()) {
            return Uni.createFrom().item(identity);
        }
        return context.runBlocking(() -> check(identity));
    }

    private SecurityIdentity check(SecurityIdentity identity) {
        JsonWebToken token = (JsonWebToken) identity.getPrincipal();
        UUID session;
        UUID user;
        try {
            session = UUID.fromString(token.<Object>getClaim("sid").toString());
            user = UUID.fromString(token.getSubject());
        } catch (IllegalArgumentException e) {
            throw new AuthenticationFailedException(e);
        }
        Living living = sessions.findLiving(session, user)
                .orElseThrow(() -> new AuthenticationFailedException(Map.of("session_ended", true)));
        return QuarkusSecurityIdentity.builder(identity)
                .addAttribute(SESSION, living)
                .build();
    }
}
