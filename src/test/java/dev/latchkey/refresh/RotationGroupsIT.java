package dev.latchkey.refresh;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
class RotationGroupsIT extends RotationGroupsTest {}
