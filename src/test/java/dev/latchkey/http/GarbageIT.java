package dev.latchkey.http;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
class GarbageIT extends GarbageTest {
    @Override
    int rounds() {
        return 200;
    }
}
