package dev.latchkey.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.List;
import java.util.Map;

/** One of several databases that a test has to do with; {@link Db} is for the only one. */
public record OneDatabase(String url) {

    /** The migration, as an operator would give it to psql. */
    public static final Path MIGRATION = Path.of("src/main/resources/db/migration/V1__refresh_token_rotation.sql");

    public static final Path ROLLBACK = Path.of("src/main/resources/db/rollback/U1__refresh_token_rotation.sql");

    public String name() {
        return url.substring(url.lastIndexOf('/') + 1);
    }

    /** Any number of statements. */
    public void execute(String sql) {
        try (Connection connection = Db.connect(url);
                Statement statement = connection.createStatement()) {
            statement.execute(sql);
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    public void execute(Path script) {
        try {
            execute(Files.readString(script));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public int update(String sql, Object... parameters) {
        try (Connection connection = Db.connect(url)) {
            return Db.update(connection, sql, parameters);
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    public List<Map<String, Object>> rows(String sql, Object... parameters) {
        try (Connection connection = Db.connect(url)) {
            return Db.rows(connection, sql, parameters);
        } catch (SQLException e) {
            throw new IllegalStateException(e.getMessage(), e);
        }
    }

    /** The first column of the only row. */
    public Object value(String sql, Object... parameters) {
        List<Map<String, Object>> rows = rows(sql, parameters);
        if (rows.size() != 1) {
            throw new IllegalStateException(rows.size() + " rows: " + sql);
        }
        return rows.get(0).values().iterator().next();
    }

    public long count(String sql, Object... parameters) {
        return ((Number) value(sql, parameters)).longValue();
    }

    /** Settings of a service on this database. */
    public Map<String, String> settings() {
        return Packaged.settings(url);
    }

    /** The same with some more or others: name, value, … */
    public Map<String, String> settings(String... more) {
        Map<String, String> settings = settings();
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return settings;
    }
}
