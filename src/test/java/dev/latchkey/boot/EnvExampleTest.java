package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;

import io.smallrye.config.ConfigSourceContext;
import io.smallrye.config.ConfigValue;
import java.io.IOException;
import java.io.Reader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.microprofile.config.spi.ConfigSource;
import org.junit.jupiter.api.Test;

/** {@code .env.example} and the README list the settings that there are, with the defaults that they have. */
class EnvExampleTest {

    private static final Path EXAMPLE = Path.of(".env.example");
    private static final Path README = Path.of("README.md");
    private static final Path PROPERTIES = Path.of("src/main/resources/application.properties");

    /** A name in an expression and its default, which may be an expression itself. */
    private static final Pattern EXPRESSION = Pattern.compile("\\$\\{([A-Z][A-Z0-9_]+)(?::((?:\\$\\{[^}]*}|[^}])*))?}");

    private static final Pattern SETTING = Pattern.compile("(#?)([A-Z][A-Z0-9_]+)=(.*)");
    private static final Pattern ROW = Pattern.compile("\\| `([A-Z][A-Z0-9_]+)` \\| (.*?) \\| (.*) \\|");

    private static final Set<String> SECRETS = Set.of("JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET");
    private static final Set<String> REQUIRED =
            Set.of("DB_URL", "DB_USER", "DB_PASSWORD", "JWT_ACCESS_SECRET", "JWT_REFRESH_SECRET");

    /** A setting of {@code .env.example}: the line above it explains it. */
    private record Setting(String name, boolean commentedOut, String value, String explanation) {}

    @Test
    void everySettingOfTheCodeIsInTheExampleOnceAndNoOther() throws IOException {
        Set<String> names = new TreeSet<>(defaults().keySet());
        names.addAll(derivedSettings());

        assertThat(example()).extracting(Setting::name).containsExactlyInAnyOrderElementsOf(names);
    }

    @Test
    void theExampleStatesTheDefaultsOfTheCode() throws IOException {
        Map<String, String> defaults = defaults();
        for (Setting setting : example()) {
            if (setting.commentedOut()) {
                assertThat(setting.value()).as(setting.name()).isEqualTo(defaults.getOrDefault(setting.name(), ""));
            }
        }
    }

    @Test
    void whatIsRequiredIsSetAndTheRestIsCommentedOut() throws IOException {
        assertThat(example())
                .filteredOn(setting -> !setting.commentedOut())
                .extracting(Setting::name)
                .containsExactlyInAnyOrderElementsOf(REQUIRED);
    }

    @Test
    void everySettingIsExplainedInTheLineAboveIt() throws IOException {
        assertThat(example())
                .allSatisfy(setting ->
                        assertThat(setting.explanation()).as(setting.name()).isNotBlank());
    }

    @Test
    void theExampleSecretsAreOnesThatTheStartRefuses() throws IOException {
        List<Setting> secrets = example().stream()
                .filter(setting -> SECRETS.contains(setting.name()))
                .toList();

        assertThat(secrets).extracting(Setting::value).hasSize(2).doesNotHaveDuplicates();
        assertThat(secrets).allSatisfy(secret -> {
            assertThat(secret.value()).startsWith("replace-me");
            assertThat(secret.value().getBytes(StandardCharsets.UTF_8)).hasSizeGreaterThanOrEqualTo(32);
        });
    }

    @Test
    void theReadmeHasTheSameSettingsWithTheSameDefaultsAndExplanations() throws IOException {
        List<String> rows = new ArrayList<>();
        for (String line : Files.readAllLines(README)) {
            Matcher row = ROW.matcher(line);
            if (row.matches()) {
                String value = row.group(2);
                String stated = value.startsWith("`") ? value.substring(1, value.length() - 1) : "";
                rows.add(row.group(1) + "=" + stated + " " + row.group(3).replace("`", ""));
            }
        }

        List<String> settings = example().stream()
                .map(setting -> setting.name() + "=" + (setting.commentedOut() ? setting.value() : "") + " "
                        + setting.explanation())
                .toList();
        assertThat(rows).containsExactlyElementsOf(settings);
    }

    private static List<Setting> example() throws IOException {
        List<Setting> settings = new ArrayList<>();
        String before = "";
        for (String line : Files.readAllLines(EXAMPLE)) {
            Matcher setting = SETTING.matcher(line);
            if (setting.matches()) {
                String explanation = before.startsWith("# ") ? before.substring(2) : "";
                settings.add(new Setting(setting.group(2), !setting.group(1).isEmpty(), setting.group(3), explanation));
            }
            before = line;
        }
        return settings;
    }

    /** The names in {@code application.properties}, each with its default: empty if it has none, or that of another. */
    private static Map<String, String> defaults() throws IOException {
        Properties properties = new Properties();
        try (Reader reader = Files.newBufferedReader(PROPERTIES)) {
            properties.load(reader);
        }
        Map<String, String> defaults = new TreeMap<>();
        for (String key : properties.stringPropertyNames()) {
            Matcher expression = EXPRESSION.matcher(properties.getProperty(key));
            while (expression.find()) {
                String stated = expression.group(2);
                String value = stated == null || stated.startsWith("${") ? "" : stated;
                String other = defaults.put(expression.group(1), value);
                assertThat(other).as(expression.group(1)).isIn(null, value);
            }
        }
        return defaults;
    }

    /** What {@link DerivedSettings} sets or asks for. */
    private static Set<String> derivedSettings() {
        Set<String> names = new TreeSet<>();
        ConfigSourceContext asked = new ConfigSourceContext() {
            @Override
            public ConfigValue getValue(String name) {
                names.add(name);
                return null;
            }

            @Override
            public Iterator<String> iterateNames() {
                return List.<String>of().iterator();
            }
        };
        for (ConfigSource source : new DerivedSettings().getConfigSources(asked)) {
            source.getPropertyNames().stream()
                    .filter(name -> name.matches("[A-Z0-9_]+"))
                    .forEach(names::add);
        }
        return names;
    }
}
