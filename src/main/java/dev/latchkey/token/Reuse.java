package dev.latchkey.token;

import dev.latchkey.audit.AuditEntry;
import dev.latchkey.audit.AuditLogs;
import dev.latchkey.audit.Client;
import dev.latchkey.audit.SecurityEvent;
import dev.latchkey.ops.Metrics;
import dev.latchkey.token.RefreshTokens.Look;
import dev.latchkey.token.Sessions.Living;
import dev.latchkey.token.TokenConfig.ReuseAction;
import io.vertx.core.json.JsonObject;
import jakarta.enterprise.context.ApplicationScoped;
import org.jboss.logging.Logger;

/** What is done when a rotated token comes back after its retry window: somebody else holds it too. */
@ApplicationScoped
public class Reuse {

    private static final Logger LOG = Logger.getLogger(Reuse.class);

    private final Sessions sessions;
    private final AuditLogs audit;
    private final TokenConfig config;
    private final Metrics metrics;

    Reuse(Sessions sessions, AuditLogs audit, TokenConfig config, Metrics metrics) {
        this.sessions = sessions;
        this.audit = audit;
        this.config = config;
        this.metrics = metrics;
    }

    /**
     * Acts on a reuse at a refresh, as {@code REUSE_ACTION} says, and records it for the person on call.
     *
     * @return false if the session has ended meanwhile, so that there was nothing left to do
     */
    public boolean caught(Token presented, Look look, Client client) {
        return caught(presented, look, client, config.reuseAction());
    }

    /** Acts on a reuse at a logout: the session ends in any case, since that is what was asked for. */
    public boolean caughtAtLogout(Token presented, Look look, Client client) {
        ReuseAction action = config.reuseAction();
        return caught(presented, look, client, action == ReuseAction.REPORT ? ReuseAction.END_SESSION : action);
    }

    private boolean caught(Token presented, Look look, Client client, ReuseAction action) {
        AuditEntry entry =
                new AuditEntry(SecurityEvent.TOKEN_REUSE_ATTACK, presented.generation(), client, details(look, action));
        boolean first =
                switch (action) {
                    case END_SESSION -> sessions.end(presented.session(), EndReason.REUSE, entry);
                    case END_ALL_SESSIONS ->
                        sessions.endAll(
                                        new Living(
                                                presented.session(), look.live().user(), look.epoch()),
                                        EndReason.REUSE,
                                        entry)
                                > 0;
                    case REPORT -> audit.record(look.live().user(), presented.session(), entry);
                };
        if (first) {
            metrics.reuseAttack();
            LOG.warnf(
                    "Refresh token reuse: session %s, generation %d presented, %d live, from %s, action %s",
                    presented.session(), presented.generation(), look.liveGeneration(), client.ip(), action);
        }
        return first || action == ReuseAction.REPORT;
    }

    private static JsonObject details(Look look, ReuseAction action) {
        return new JsonObject()
                .put("live_generation", look.liveGeneration())
                .put("seconds_since_rotation", look.secondsSinceRotation())
                .put(
                        "holder",
                        new JsonObject()
                                .put("ip", look.holder().ip())
                                .put("user_agent", look.holder().userAgent()))
                .put("action", action.name());
    }
}
