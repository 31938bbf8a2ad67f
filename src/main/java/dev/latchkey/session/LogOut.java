package dev.latchkey.session;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.Client;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.database.Database;
import dev.latchkey.token.EndReason;
import dev.latchkey.token.RefreshTokens;
import dev.latchkey.token.RefreshTokens.Look;
import dev.latchkey.token.Reuse;
import dev.latchkey.token.Sessions;
import dev.latchkey.token.Standing;
import dev.latchkey.token.Token;
import dev.latchkey.token.TokenFormat;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import java.util.Optional;
import java.util.UUID;

/** Ends the session of a refresh token, whichever of its tokens it is; a text that is no token has no effect. */
@ApplicationScoped
class LogOut {

    private final TokenFormat format;
    private final RefreshTokens tokens;
    private final Sessions sessions;
    private final Reuse reuse;
    private final Database database;

    LogOut(TokenFormat format, RefreshTokens tokens, Sessions sessions, Reuse reuse, Database database) {
        this.format = format;
        this.tokens = tokens;
        this.sessions = sessions;
        this.reuse = reuse;
        this.database = database;
    }

    void logOut(String text, Client client) {
        Optional<Token> token = format.read(text).token();
        if (token.isEmpty()) {
            return;
        }
        UUID noSuccessor = UUID.randomUUID();
        Optional<Look> look = database.again(() -> tokens.look(token.get(), noSuccessor));
        if (look.isEmpty()) {
            return;
        }
        if (look.get().standing() == Standing.REUSED && reuse.caughtAtLogout(token.get(), look.get(), client)) {
            return;
        }
        // Also of a session that is over already: its user may be enabled again, its end may not have been written.
        AuditEntry entry = new AuditEntry(SecurityEvent.LOGOUT, token.get().generation(), client, new JsonObject());
        sessions.end(token.get().session(), EndReason.LOGOUT, entry);
    }
}
