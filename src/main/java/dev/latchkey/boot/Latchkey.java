package dev.latchkey.boot;

import io.quarkus.runtime.Quarkus;
import io.quarkus.runtime.annotations.QuarkusMain;
import java.util.Optional;

/** The program: serves by default; with a word behind it, works on the schema and exits. */
@QuarkusMain
public class Latchkey {

    Latchkey() {}

    /**
     * @param arguments nothing, or one of the words of {@link Command}
     */
    public static void main(String... arguments) {
        Optional<Command> command = Command.of(arguments);
        if (command.isEmpty()) {
            System.err.println("Say one of: " + Command.all());
            System.exit(2);
        }
        if (command.get() != Command.SERVE) {
            System.setProperty("quarkus.http.host-enabled", "false");
            System.setProperty("quarkus.management.host-enabled", "false");
        }
        System.setProperty("io.netty.bootstrap.extensions", "serviceload"); // SlowClients
        Quarkus.run(null, StartupFailure::exit, arguments);
    }
}
