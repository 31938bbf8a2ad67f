package dev.latchkey.account;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.Client;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.token.Sessions;
import dev.latchkey.token.Sessions.Started;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import org.jboss.logging.Logger;

/** Checks who somebody is and starts a session. */
@ApplicationScoped
class LogIn {

    private static final Logger LOG = Logger.getLogger(LogIn.class);

    private final Users users;
    private final Passwords passwords;
    private final Sessions sessions;

    LogIn(Users users, Passwords passwords, Sessions sessions) {
        this.users = users;
        this.passwords = passwords;
        this.sessions = sessions;
    }

    /**
     * What a login came to.
     *
     * @param started the session; empty unless it succeeded
     */
    record Outcome(Result result, Optional<Started> started) {

        private static Outcome of(Result result) {
            return new Outcome(result, Optional.empty());
        }
    }

    enum Result {
        SUCCEEDED,
        INVALID_CREDENTIALS,
        /** The user's sessions were ended twice while the password was checked. */
        TEMPORARILY_UNAVAILABLE
    }

    /**
     * @param device what the client calls itself; may be null
     * @throws Passwords.OverloadedException if too many passwords wait
     */
    Outcome logIn(String email, String password, String device, Client client) {
        Outcome outcome = attempt(email, password, device, client);
        if (outcome.result() == Result.TEMPORARILY_UNAVAILABLE) {
            // The user's sessions were ended between reading and starting: the password may have been changed with it.
            return attempt(email, password, device, client);
        }
        return outcome;
    }

    /** Not worth a refusal: if too many passwords wait, the next login does it. */
    private void strengthen(User user, String password) {
        try {
            users.replaceHash(user.id, user.passwordHash, passwords.hash(password));
        } catch (Passwords.OverloadedException e) {
            LOG.debug("A hash stays as it is for now");
        }
    }

    private Outcome attempt(String email, String password, String device, Client client) {
        Optional<User> found = users.findByEmail(email);
        boolean matches =
                passwords.matches(password, found.map(user -> user.passwordHash).orElse(null));
        if (!matches || found.get().disabledAt != null) {
            return Outcome.of(Result.INVALID_CREDENTIALS);
        }
        User user = found.get();
        if (passwords.outdated(user.passwordHash)) {
            strengthen(user, password);
        }
        JsonObject details = new JsonObject().put("device", device);
        AuditEntry entry = new AuditEntry(SecurityEvent.LOGIN_SUCCEEDED, null, client, details);
        return sessions.start(user.id, user.sessionEpoch, client, device, entry)
                .map(started -> new Outcome(Result.SUCCEEDED, Optional.of(started)))
                .orElseGet(() -> Outcome.of(Result.TEMPORARILY_UNAVAILABLE));
    }
}
