package dev.latchkey.boot;

import io.quarkus.runtime.ApplicationLifecycleManager;
import io.quarkus.runtime.QuarkusBindException;
import io.quarkus.runtime.configuration.ConfigurationException;
import io.smallrye.config.ConfigValidationException;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.ConfigProvider;
import org.eclipse.microprofile.config.spi.ConfigSource;

/** Tells the operator why the start-up failed: in a sentence that names the environment variable, not in a stack trace. */
final class StartupFailure {

    private static final Pattern PROPERTY = Pattern.compile("(?:latchkey|quarkus)\\.[a-z0-9.-]*[a-z0-9]");
    private static final Pattern VARIABLE = Pattern.compile("\\$\\{([A-Z_]+)");

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
            if (cause instanceof ConfigValidationException validation) {
                StringBuilder problems = new StringBuilder();
                for (int i = 0; i < validation.getProblemCount(); i++) {
                    problems.append(i == 0 ? "" : "; ")
                            .append(withoutCode(validation.getProblem(i).getMessage()));
                }
                return Optional.of(withVariables(problems.toString()));
            }
            if (cause instanceof ConfigurationException || cause instanceof NoSuchElementException) {
                return Optional.of(withVariables(withoutCode(cause.getMessage())));
            }
            if (cause instanceof IllegalArgumentException
                    && cause.getMessage() != null
                    && cause.getMessage().startsWith("SRCFG")) {
                return Optional.of(withVariables(withoutCode(cause.getMessage())));
            }
        }
        return Optional.empty();
    }

    private static String withoutCode(String message) {
        return message.replaceAll("SRCFG\\d+: ", "").replaceAll("java\\.[a-z.]+\\.", "");
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
