package dev.latchkey.audit;

import io.vertx.core.json.JsonObject;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;

/**
 * What is to be recorded of an event, apart from the user and session, which the statement that does it knows itself.
 *
 * @param generation the generation of the presented token; null where no token was presented. Of one session, generation
 *     and event there is one row.
 * @param details what else a person on call needs to know; never a token, secret or password
 */
public record AuditEntry(SecurityEvent event, Integer generation, Client client, JsonObject details) {

    /** The columns that {@link #bind} fills, in its order. */
    public static final String COLUMNS = "event_type, generation, ip, user_agent, details";

    /** The parameters that {@link #bind} fills. */
    public static final String PARAMETERS = "?, ?::integer, ?, ?, ?::jsonb";

    /** Fills {@link #PARAMETERS} from the given index on; returns the index after them. */
    public int bind(PreparedStatement statement, int from) throws SQLException {
        int index = from;
        statement.setString(index++, event.name());
        statement.setObject(index++, generation, Types.INTEGER);
        statement.setString(index++, client.ip());
        statement.setString(index++, client.userAgent());
        statement.setString(index++, details.encode());
        return index;
    }
}
