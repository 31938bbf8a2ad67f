package dev.latchkey.boot;

import io.quarkus.runtime.ApplicationLifecycleManager;
import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.smallrye.config.ConfigValidationException;
import java.net.BindException;
import java.util.Locale;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.eclipse.microprofile.config.ConfigProvider;
import org.eclipse.microprofile.config.spi.ConfigSource;
import org.flywaydb.core.api.FlywayException;

/** Tells the operator why the start-up failed: in a sentence that names the environment variable, not in a stack trace. */
final class StartupFailure {

    private static final Pattern PROPERTY = Pattern.compile("(?:latchkey|quarkus)\\.[a-z0-9.-]*[a-z0-9]");
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Z_]+)");

    private static final Pattern NOT_SET = Pattern.compile("Could not expand value (\\w+) in property \\S+");
    private static final Pattern EMPTY =
            Pattern.compile("The config property (\\S+) is defined as the empty String .*");
    private static final Pattern NOT_READABLE = Pattern.compile(
            "The config property (\\S+) with the config value \"(.*)\" threw an Exception whilst being converted (.*)");

    private static final Pattern CHOICE = Pattern.compile("enum class [\\w.$]+, allowed values: (.*)");

    /** What the datasource's libraries say, which know nothing of our variables. */
    private static final Map<String, String> KNOWN = Map.of(
            "its URL is not set", "DB_URL is not set",
            "A Positive max size is required", "DB_POOL_SIZE has to be 1 or more",
            "Username and password must be defined", "DB_USER or DB_PASSWORD is not set");

    private StartupFailure() {}

    static void exit(int code, Throwable failure) {
        if (failure != null) {
            Optional<String> sentence = explain(failure);
            if (sentence.isPresent()) {
                System.err.println("Latchkey can't start: " + sentence.get());
            } else {
                System.err.println("Latchkey can't start:");
                failure.printStackTrace();
            }
        }
        ApplicationLifecycleManager.getDefaultExitCodeHandler().accept(code, failure);
    }

    private static Optional<String> explain(Throwable failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof StartupException) {
                return Optional.of(cause.getMessage());
            }
            if (cause instanceof QuarkusBindException bind) {
                return Optional.of("port " + bind.getPort() + " is in use: change HTTP_PORT or MANAGEMENT_PORT");
            }
            if (cause instanceof BindException) { // of HTTP_PORT it would be the one above
                return Optional.of("the port of MANAGEMENT_PORT can't be opened: " + cause.getMessage());
            }
            if (cause instanceof ConfigValidationException validation) {
                return Optional.of(IntStream.range(0, validation.getProblemCount())
                        .mapToObj(i -> inPlainWords(validation.getProblem(i).getMessage()))
                        .distinct() // a setting that two features read
                        .collect(Collectors.joining("; ")));
            }
            Optional<String> known = known(String.valueOf(cause.getMessage()));
            if (known.isPresent()) {
                return known;
            }
            if (cause instanceof FlywayException) {
                return Optional.of(
                        "DB_URL or DB_MIGRATION_URL is not of the form jdbc:postgresql://host:5432/database");
            }
            if (cause instanceof ConfigurationException || cause instanceof NoSuchElementException) {
                return Optional.of(inPlainWords(cause.getMessage()));
            }
            if (cause instanceof IllegalArgumentException
                    && cause.getMessage() != null
                    && cause.getMessage().startsWith("SRCFG")) {
                return Optional.of(inPlainWords(cause.getMessage()));
            }
        }
        return Optional.empty();
    }

    private static Optional<String> known(String message) {
        return KNOWN.entrySet().stream()
                .filter(each -> message.contains(each.getKey()))
                .map(Map.Entry::getValue)
                .findFirst();
    }

    /** What the configuration's library says, without the names of its classes and with those of the variables. */
    private static String inPlainWords(String message) {
        String plain = message.replaceAll("SRCFG\\d+: ", "").replaceAll("(?:[a-z]+\\.)+[A-Z]\\w*Exception: ", "");
        plain = NOT_SET.matcher(plain).replaceAll("$1 is not set");
        plain = EMPTY.matcher(plain).replaceAll("$1 is empty");
        plain = NOT_READABLE.matcher(plain).replaceAll("$1 can't be '$2': $3");
        plain = CHOICE.matcher(plain)
                .replaceAll(match ->
                        "one of " + match.group(1).toUpperCase(Locale.ROOT).replace('-', '_'));
        return withVariables(plain);
    }

    /** Puts the environment variable in the place of each property that is read from one. */
    private static String withVariables(String message) {
        Matcher property = PROPERTY.matcher(message);
        return property.replaceAll(
                match -> Matcher.quoteReplacement(variable(match.group()).orElse(match.group())));
    }

    private static Optional<String> variable(String property) {
        for (ConfigSource source : ConfigProvider.getConfig().getConfigSources()) {
            String value = source.getValue(property);
            if (value == null) {
                value = source.getValue("%prod." + property);
            }
            Matcher variable = VARIABLE.matcher(value == null ? "" : value);
            if (variable.find()) {
                return Optional.of(variable.group(1));
            }
        }
        return Optional.empty();
    }
}
