package dev.latchkey;

import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import io.vertx.core.json.JsonObject;
import java.lang.reflect.Constructor;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A record prints all that it has, unless it is told otherwise; a log needs only one careless line then. */
class PrintingTest {

    private static final Pattern SECRET = Pattern.compile("(?i).*(password|secret|token|hash|text|successorId).*");
    private static final String SECRET_TEXT = "a-canary";
    private static final UUID SECRET_ID = UUID.fromString("ca9a71e5-0000-4000-8000-000000000000");

    static Stream<Class<?>> records() {
        return new ClassFileImporter()
                .withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("dev.latchkey").stream()
                        .filter(JavaClass::isRecord)
                        .map(JavaClass::reflect);
    }

    @ParameterizedTest
    @MethodSource("records")
    void no_record_prints_what_is_secret(Class<?> type) throws ReflectiveOperationException {
        assertThat(filled(type).toString()).doesNotContain(SECRET_TEXT, SECRET_ID.toString());
    }

    private static Object filled(Class<?> type) throws ReflectiveOperationException {
        RecordComponent[] components = type.getRecordComponents();
        Class<?>[] types = new Class<?>[components.length];
        Object[] values = new Object[components.length];
        for (int i = 0; i < components.length; i++) {
            types[i] = components[i].getType();
            values[i] = value(components[i].getGenericType(), components[i].getType(), components[i].getName());
        }
        Constructor<?> constructor = type.getDeclaredConstructor(types);
        constructor.setAccessible(true);
        return constructor.newInstance(values);
    }

    private static Object value(Type generic, Class<?> type, String name) throws ReflectiveOperationException {
        boolean secret = SECRET.matcher(name).matches();
        if (type == String.class) {
            return secret ? SECRET_TEXT : name;
        }
        if (type == byte[].class) {
            return SECRET_TEXT.getBytes(StandardCharsets.US_ASCII);
        }
        if (type == UUID.class) {
            return secret ? SECRET_ID : UUID.randomUUID();
        }
        if (type.isRecord()) {
            return filled(type);
        }
        if (type == Optional.class || type == List.class) {
            Class<?> element = (Class<?>) ((ParameterizedType) generic).getActualTypeArguments()[0];
            Object value = value(element, element, name);
            return type == List.class ? List.of(value) : Optional.of(value);
        }
        if (type == Instant.class) {
            return Instant.EPOCH;
        }
        if (type == JsonObject.class) {
            return new JsonObject();
        }
        if (type == boolean.class) {
            return false;
        }
        if (type == int.class) {
            return 0;
        }
        return type == long.class ? 0L : null;
    }
}
