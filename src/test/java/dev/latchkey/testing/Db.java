package dev.latchkey.testing;

import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.eclipse.microprofile.config.ConfigProvider;

/** The database of the service under test, for the tests' own statements: each commits by itself. */
public final class Db {

    /** Where {@link PackagedDatabase} says that it is; otherwise it is the one that the extension started. */
    static final String URL_PROPERTY = "latchkey.test.jdbc-url";

    private static Connection shared;
    private static String sharedUrl;

    private Db() {}

    public static String url() {
        String url = System.getProperty(URL_PROPERTY);
        return url != null ? url : ConfigProvider.getConfig().getValue("quarkus.datasource.jdbc.url", String.class);
    }

    public static Connection connect() throws SQLException {
        return connect(url());
    }

    public static Connection connect(String url) throws SQLException {
        return DriverManager.getConnection(url, "postgres", "postgres");
    }

    /** One for all tests, since a connection of its own for each statement would take most of their time. */
    private static Connection shared() throws SQLException {
        if (shared == null || shared.isClosed() || !url().equals(sharedUrl)) {
            sharedUrl = url();
            shared = connect(sharedUrl);
        }
        return shared;
    }

    public static synchronized int update(String sql, Object... parameters) {
        try {
            return update(shared(), sql, parameters);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    public static int update(Connection connection, String sql, Object... parameters) throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, parameters)) {
            return statement.executeUpdate();
        }
    }

    /** All rows, as column name to value. */
    public static synchronized List<Map<String, Object>> rows(String sql, Object... parameters) {
        try {
            return rows(shared(), sql, parameters);
        } catch (SQLException e) {
            throw new IllegalStateException(sql, e);
        }
    }

    public static List<Map<String, Object>> rows(Connection connection, String sql, Object... parameters)
            throws SQLException {
        try (PreparedStatement statement = prepare(connection, sql, parameters);
                ResultSet result = statement.executeQuery()) {
            ResultSetMetaData columns = result.getMetaData();
            List<Map<String, Object>> rows = new ArrayList<>();
            while (result.next()) {
                Map<String, Object> row = new LinkedHashMap<>();
                for (int i = 1; i <= columns.getColumnCount(); i++) {
                    row.put(columns.getColumnLabel(i), result.getObject(i));
                }
                rows.add(row);
            }
            return rows;
        }
    }

    /** The first column of the only row. */
    public static Object value(String sql, Object... parameters) {
        List<Map<String, Object>> rows = rows(sql, parameters);
        if (rows.size() != 1) {
            throw new IllegalStateException(rows.size() + " rows: " + sql);
        }
        return rows.get(0).values().iterator().next();
    }

    public static long count(String sql, Object... parameters) {
        return ((Number) value(sql, parameters)).longValue();
    }

    private static PreparedStatement prepare(Connection connection, String sql, Object... parameters)
            throws SQLException {
        PreparedStatement statement = connection.prepareStatement(sql);
        for (int i = 0; i < parameters.length; i++) {
            statement.setObject(i + 1, parameters[i]);
        }
        return statement;
    }
}
