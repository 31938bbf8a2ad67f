package dev.latchkey.boot;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.StartupEvent;
import io.quarkus.runtime.annotations.CommandLineArguments;
import jakarta.annotation.Priority;
import jakarta.enterprise.context.ApplicationScoped;
import jakarta.enterprise.event.Observes;
import jakarta.interceptor.Interceptor;

/** What happens before the first request is let in, in this order. Whatever is wrong stops it with a sentence. */
@ApplicationScoped
class Startup {

    private final SettingsCheck settings;
    private final Schema schema;
    private final Command command;

    Startup(SettingsCheck settings, Schema schema, @CommandLineArguments String[] arguments) {
        this.settings = settings;
        this.schema = schema;
        this.command = Command.of(arguments).orElseThrow();
    }

    void start(@Observes @Priority(Interceptor.Priority.PLATFORM_BEFORE) StartupEvent event) {
        settings.check();
        schema.reach();
        switch (command) {
            case SERVE -> schema.migrateOrCheck();
            case MIGRATE -> {
                schema.migrate();
                say("Schema version " + schema.version());
            }
            case VERSION -> say("Schema version " + schema.version());
            case ROLLBACK -> say("Rolled back; schema version " + schema.rollBack());
        }
        if (command != Command.SERVE) {
            Quarkus.asyncExit(0);
        }
    }

    private static void say(String sentence) {
        System.out.println(sentence);
    }
}
