import java.math.BigDecimal;
import java.sql.Array;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;

/** Asks a served store through PostgreSQL's JDBC driver as DBeaver and BI tools do: {@code Asking URL PASSWORD_FILE}. */
public final class Asking {
    static final String SERIES =
            "SELECT date_trunc('day', started_at) AS day, task_name, sum(cost_usd) AS spend, count(*) AS calls"
                    + " FROM calls WHERE started_at > ? GROUP BY 1, 2 ORDER BY 1";

    static void expect(String name, Object got, Object wanted) {
        if (!String.valueOf(got).equals(String.valueOf(wanted))) {
            throw new IllegalStateException(name + " is " + got + " and not " + wanted);
        }
    }

    public static void main(String[] arguments) throws Exception {
        String line = java.nio.file.Files.readString(java.nio.file.Path.of(arguments[1])).strip();
        Properties properties = new Properties();
        properties.setProperty("user", "llmwatch");
        properties.setProperty("password", line.substring(line.lastIndexOf(':') + 1));
        // From the first execution on prepared and in binary.
        properties.setProperty("prepareThreshold", "1");
        try (Connection connection = DriverManager.getConnection(arguments[0], properties)) {
            metadata(connection.getMetaData());
            values(connection);
            series(connection);
            pieces(connection);
            refusals(connection);
        }
    }

    static void metadata(DatabaseMetaData data) throws SQLException {
        System.out.println("jdbc product " + data.getDatabaseProductName() + " " + data.getDatabaseProductVersion());
        List<String> schemas = new ArrayList<>();
        try (ResultSet found = data.getSchemas()) {
            while (found.next()) {
                schemas.add(found.getString("TABLE_SCHEM"));
            }
        }
        System.out.println("jdbc schemas " + schemas);
        List<String> tables = new ArrayList<>();
        try (ResultSet found = data.getTables(null, null, "%", new String[] {"TABLE", "VIEW"})) {
            while (found.next()) {
                tables.add(found.getString("TABLE_NAME"));
            }
        }
        expect("calls among the tables", tables.contains("calls"), true);
        System.out.println("jdbc tables " + tables.size());
        int columns = 0;
        try (ResultSet found = data.getColumns(null, null, "calls", "%")) {
            while (found.next()) {
                columns++;
                if (found.getString("COLUMN_NAME").equals("cost_usd")) {
                    expect("type of cost", found.getInt("DATA_TYPE"), java.sql.Types.NUMERIC);
                }
            }
        }
        System.out.println("jdbc columns " + columns);
        data.getPrimaryKeys(null, null, "calls").close();
        data.getIndexInfo(null, null, "calls", false, true).close();
        data.getImportedKeys(null, null, "calls").close();
        data.getFunctions(null, null, "%").close();
        data.getTypeInfo().close();
    }

    static void values(Connection connection) throws SQLException {
        String query = "SELECT ?::text, ?::bigint, ?::double, ?::decimal(18,6), ?::boolean, ?::timestamptz, NULL::int,"
                + " ['a', 'b c'], '\\xAA\\x00'::blob, date '2026-01-02', timestamp '2026-01-02 03:04:05.123456'";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            for (int round = 0; round < 3; round++) {
                statement.setString(1, "it's; -- $1");
                statement.setLong(2, 5_000_000_000L);
                statement.setDouble(3, 0.25);
                statement.setBigDecimal(4, new BigDecimal("-12.340000"));
                statement.setBoolean(5, true);
                statement.setObject(6, OffsetDateTime.parse("2026-01-02T03:04:05Z"));
                try (ResultSet row = statement.executeQuery()) {
                    row.next();
                    expect("text", row.getString(1), "it's; -- $1");
                    expect("bigint", row.getLong(2), 5_000_000_000L);
                    expect("double", row.getDouble(3), 0.25);
                    expect("decimal", row.getBigDecimal(4), "-12.340000");
                    expect("boolean", row.getBoolean(5), true);
                    expect("moment", row.getObject(6, OffsetDateTime.class).toInstant(), "2026-01-02T03:04:05Z");
                    row.getInt(7);
                    expect("null", row.wasNull(), true);
                    Array array = row.getArray(8);
                    expect("array", List.of((Object[]) array.getArray()), "[a, b c]");
                    expect("bytes", row.getBytes(9).length, 2);
                    expect("date", row.getDate(10), "2026-01-02");
                    expect("timestamp", row.getTimestamp(11), "2026-01-02 03:04:05.123456");
                }
            }
        }
    }

    static void series(Connection connection) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(SERIES)) {
            statement.setTimestamp(1, Timestamp.valueOf("2020-01-01 00:00:00"));
            try (ResultSet rows = statement.executeQuery()) {
                ResultSetMetaData data = rows.getMetaData();
                for (int n = 1; n <= data.getColumnCount(); n++) {
                    System.out.println("jdbc type " + data.getColumnName(n) + " " + data.getColumnTypeName(n));
                }
                long calls = 0;
                while (rows.next()) {
                    calls += rows.getLong(4);
                }
                System.out.println("jdbc calls " + calls);
            }
        }
    }

    static void pieces(Connection connection) throws SQLException {
        connection.setAutoCommit(false);
        try (Statement statement = connection.createStatement()) {
            statement.setFetchSize(100);
            int rows = 0;
            try (ResultSet found = statement.executeQuery("SELECT * FROM range(10000)")) {
                while (found.next()) {
                    rows++;
                }
            }
            expect("rows in pieces", rows, 10000);
        }
        connection.commit();
        connection.setReadOnly(true);
        connection.setAutoCommit(true);
        expect("valid", connection.isValid(5), true);
    }

    static void refusals(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement()) {
            for (String[] one : new String[][] {{"SELECT nope FROM calls", "42703"}, {"DELETE FROM calls", "25006"}}) {
                try {
                    statement.execute(one[0]);
                    throw new IllegalStateException(one[0] + " was answered");
                } catch (SQLException e) {
                    expect("code of " + one[0], e.getSQLState(), one[1]);
                }
            }
            statement.setQueryTimeout(1);
            long began = System.nanoTime();
            try {
                statement.executeQuery(
                        "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range + b.range = 1");
                throw new IllegalStateException("an endless query was answered");
            } catch (SQLException e) {
                expect("code of a stopped query", e.getSQLState(), "57014");
            }
            expect("stopped in time", System.nanoTime() - began < 6_000_000_000L, true);
            statement.setQueryTimeout(0);
            statement.executeQuery("SELECT 1").close();
        }
    }
}
