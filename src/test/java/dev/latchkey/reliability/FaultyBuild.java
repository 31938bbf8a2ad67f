package dev.latchkey.reliability;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Map.Entry;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.objectweb.asm.ClassReader;
import org.objectweb.asm.ClassVisitor;
import org.objectweb.asm.ClassWriter;
import org.objectweb.asm.FieldVisitor;
import org.objectweb.asm.MethodVisitor;
import org.objectweb.asm.Opcodes;

/** A copy of the packaged application in which some SQL has been changed: as a developer might get it wrong. */
final class FaultyBuild {

    private static final Path APPLICATION = Path.of("target/quarkus-app");

    private FaultyBuild() {}

    /**
     * Makes it.
     *
     * @param changes text within a statement of the package {@code token}, and what stands there instead
     * @return the folder to start it from
     */
    static Path make(Map<String, String> changes) {
        Map<String, Integer> made = new TreeMap<>();
        try {
            Path folder = Files.createTempDirectory(Path.of("target"), "faulty-");
            copy(folder);
            for (Path jar : jars(folder)) {
                try (FileSystem inside = FileSystems.newFileSystem(jar)) {
                    for (Path type : classes(inside.getPath("dev/latchkey/token"))) {
                        change(type, changes, made);
                    }
                }
            }
            if (!made.keySet().equals(changes.keySet())) {
                throw new IllegalStateException("the statements have changed; found only " + made.keySet());
            }
            return folder;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All but the archive of classes, which is not for this one. */
    private static void copy(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(APPLICATION)) {
            for (Path each :
                    all.filter(path -> !path.toString().endsWith(".jsa")).toList()) {
                Path copy = folder.resolve(APPLICATION.relativize(each));
                if (Files.isDirectory(each)) {
                    Files.createDirectories(copy);
                } else {
                    Files.copy(each, copy);
                }
            }
        }
    }

    private static List<Path> jars(Path folder) throws IOException {
        try (Stream<Path> all = Files.walk(folder)) {
            return all.filter(path -> path.toString().endsWith(".jar")
                            && !path.getParent().endsWith("main"))
                    .toList();
        }
    }

    private static List<Path> classes(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> all = Files.list(folder)) {
            return all.filter(path -> path.toString().endsWith(".class")).toList();
        }
    }

    private static void change(Path type, Map<String, String> changes, Map<String, Integer> made) throws IOException {
        ClassReader reader = new ClassReader(Files.readAllBytes(type));
        ClassWriter writer = new ClassWriter(reader, 0);
        int before = made.values().stream().mapToInt(Integer::intValue).sum();
        reader.accept(new Changer(writer, changes, made), 0);
        if (made.values().stream().mapToInt(Integer::intValue).sum() > before) {
            Files.write(type, writer.toByteArray());
        }
    }

    private static final class Changer extends ClassVisitor {

        private final Map<String, String> changes;
        private final Map<String, Integer> made;

        Changer(ClassVisitor next, Map<String, String> changes, Map<String, Integer> made) {
            super(Opcodes.ASM9, next);
            this.changes = changes;
            this.made = made;
        }

        private Object changed(Object constant) {
            if (!(constant instanceof String text)) {
                return constant;
            }
            for (Entry<String, String> change : changes.entrySet()) {
                if (text.contains(change.getKey())) {
                    text = text.replace(change.getKey(), change.getValue());
                    made.merge(change.getKey(), 1, Integer::sum);
                }
            }
            return text;
        }

        @Override
        public FieldVisitor visitField(int access, String name, String type, String signature, Object value) {
            return super.visitField(access, name, type, signature, changed(value));
        }

        @Override
        public MethodVisitor visitMethod(int access, String name, String type, String signature, String[] exceptions) {
            return new MethodVisitor(Opcodes.ASM9, super.visitMethod(access, name, type, signature, exceptions)) {
                @Override
                public void visitLdcInsn(Object constant) {
                    super.visitLdcInsn(changed(constant));
                }
            };
        }
    }
}
