package dev.latchkey.testing;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;

/** A PostgreSQL of a test's own; each scenario makes itself a database in it. */
public final class Postgres implements AutoCloseable {

    private final EmbeddedPostgres server;
    private final AtomicInteger databases = new AtomicInteger();

    private Postgres(EmbeddedPostgres server) {
        this.server = server;
    }

    public static Postgres start() {
        return start(EmbeddedPostgres.builder());
    }

    public static Postgres start(EmbeddedPostgres.Builder builder) {
        try {
            return new Postgres(builder.start());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The database that is there from the start. */
    public OneDatabase database() {
        return database("postgres");
    }

    /** One by this name, whether it exists or not. */
    public OneDatabase database(String name) {
        return new OneDatabase("jdbc:postgresql://localhost:" + server.getPort() + "/" + name);
    }

    public OneDatabase newDatabase() {
        String name = "database_" + databases.incrementAndGet();
        database().execute("CREATE DATABASE " + name);
        return database(name);
    }

    /** A new one with all that is in another, to which nobody may be connected. */
    public OneDatabase copyOf(OneDatabase original) {
        String name = "database_" + databases.incrementAndGet();
        database().execute("CREATE DATABASE " + name + " TEMPLATE " + original.name());
        return database(name);
    }

    public int port() {
        return server.getPort();
    }

    @Override
    public void close() {
        try {
            server.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
