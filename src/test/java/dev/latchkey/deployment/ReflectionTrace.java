package dev.latchkey.deployment;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.instrument.Instrumentation;
import java.lang.ref.SoftReference;
import java.lang.reflect.AccessibleObject;
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;

/**
 * A Java agent: when its JVM ends, it writes the names of the classes whose fields, methods or constructors were looked up, and of
 * the interfaces of proxies. The JDK remembers that in a field of each class, so nothing is slowed down or changed. Takes
 * {@code --add-opens=java.base/java.lang=ALL-UNNAMED}.
 */
public final class ReflectionTrace {

    private ReflectionTrace() {}

    /**
     * @param file where to write
     */
    public static void premain(String file, Instrumentation jvm) {
        Runtime.getRuntime().addShutdownHook(new Thread(() -> write(Path.of(file), jvm.getAllLoadedClasses())));
    }

    private static void write(Path file, Class<?>[] classes) {
        try {
            Stream<String> reflected =
                    Arrays.stream(classes).filter(ReflectionTrace::wasLookedUp).map(Class::getName);
            Stream<String> proxies = Arrays.stream(classes)
                    .filter(Proxy::isProxyClass)
                    .flatMap(each -> Arrays.stream(each.getInterfaces()))
                    .map(each -> "proxy " + each.getName());
            Files.write(
                    file, Stream.concat(reflected, proxies).sorted().distinct().toList());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static boolean wasLookedUp(Class<?> type) {
        try {
            SoftReference<?> reference = (SoftReference<?>) field(Class.class, "reflectionData", type);
            Object data = reference == null ? null : reference.get();
            if (data == null) {
                return false;
            }
            for (Field field : data.getClass().getDeclaredFields()) {
                Class<?> element = field.getType().getComponentType();
                if (element != null
                        && AccessibleObject.class.isAssignableFrom(element)
                        && field(data.getClass(), field.getName(), data) != null) {
                    return true;
                }
            }
            return false;
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    private static Object field(Class<?> type, String name, Object of) throws ReflectiveOperationException {
        Field field = type.getDeclaredField(name);
        field.setAccessible(true);
        return field.get(of);
    }
}
