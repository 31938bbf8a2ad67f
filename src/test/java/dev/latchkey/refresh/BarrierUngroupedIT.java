package dev.latchkey.refresh;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import io.quarkus.test.junit.TestProfile;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
@TestProfile(Ungrouped.class)
@Order(Ungrouped.ORDER)
@Tag("slow")
class BarrierUngroupedIT extends BarrierTest {}
