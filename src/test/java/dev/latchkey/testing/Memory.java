package dev.latchkey.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a process has in memory, as Linux tells. */
public final class Memory {

    private Memory() {}

    public static long mebibytes(ProcessHandle process) {
        return read(process, "VmRSS:");
    }

    /** The most that it ever had. */
    public static long mostMebibytes(ProcessHandle process) {
        return read(process, "VmHWM:");
    }

    /** What is its own: what it has of files the system can take back. */
    public static long ownMebibytes(ProcessHandle process) {
        return read(process, "RssAnon:");
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
