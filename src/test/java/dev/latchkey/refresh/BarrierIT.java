package dev.latchkey.refresh;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import org.junit.jupiter.api.Tag;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
@Tag("slow")
class BarrierIT extends BarrierTest {}
