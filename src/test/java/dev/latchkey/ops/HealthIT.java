package dev.latchkey.ops;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
class HealthIT extends HealthTest {}
