package dev.latchkey.refresh;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.quarkus.test.junit.TestProfile;
import org.junit.jupiter.api.Order;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
@TestProfile(Ungrouped.class)
@Order(Ungrouped.ORDER)
class RotationRaceUngroupedIT extends RotationRaceTest {

    @Override
    int rounds(int full) {
        return full / 10;
    }
}
