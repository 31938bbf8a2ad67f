package dev.latchkey.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.latchkey.testing.Packaged;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The archive that comes with the package fits it; were it not used, the start would only take twice as long. */
class ArchiveIT {

    @Test
    void nearly_all_classes_of_a_start_come_from_the_archive() {
        assumeThat(Packaged.isNative()).isFalse();
        Map<String, String> settings = Packaged.settings("jdbc:postgresql://localhost:1/none");
        settings.put("JDK_JAVA_OPTIONS", "-Xlog:class+load");

        List<String> loaded = Attempt.run(settings)
                .output()
                .lines()
                .filter(line -> line.contains(" source: "))
                .toList();

        assertThat(loaded).hasSizeGreaterThan(5_000);
        assertThat(loaded)
                .filteredOn(line -> line.contains(" source: shared objects file"))
                .hasSizeGreaterThan(loaded.size() * 9 / 10);
    }
}
