package dev.latchkey.boot;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/** What the program is asked to do: the word behind its name. */
enum Command {
    /** Serve; what it does without a word. */
    SERVE,
    /** Migrate the schema, check it, and exit. */
    MIGRATE,
    /** Print the schema's version and exit. */
    VERSION,
    /** Take the migrations back, newest first, and exit. */
    ROLLBACK;

    /** Empty if it is asked for something else. */
    static Optional<Command> of(String... arguments) {
        if (arguments.length == 0) {
            return Optional.of(SERVE);
        }
        return Arrays.stream(values())
                .filter(command -> arguments.length == 1 && command.word().equals(arguments[0]))
                .findFirst();
    }

    static String all() {
        return Arrays.stream(values()).map(Command::word).collect(Collectors.joining(", "));
    }

    private String word() {
        return name().toLowerCase(Locale.ROOT);
    }
}
