package dev.latchkey.reliability;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a process has in memory, as Linux tells. */
final class Memory {

    private Memory() {}

    static long mebibytes(ProcessHandle process) {
        return read(process, "VmRSS:");
    }

    /** The most that it ever had. */
    static long mostMebibytes(ProcessHandle process) {
        return read(process, "VmHWM:");
    }

    private static long read(ProcessHandle process, String name) {
        try {
            return Files.readAllLines(Path.of("/proc", Long.toString(process.pid()), "status")).stream()
                    .filter(line -> line.startsWith(name))
                    .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) / 1024)
                    .findFirst()
                    .orElseThrow();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
