package dev.latchkey;

import dev.latchkey.testing.PackagedDatabase;
import io.quarkus.test.common.WithTestResource;
import io.quarkus.test.junit.QuarkusIntegrationTest;
import java.util.List;
import org.junit.jupiter.api.Order;

@QuarkusIntegrationTest
@WithTestResource(PackagedDatabase.class)
@Order(Integer.MAX_VALUE)
class LeakIT extends LeakTest {

    @Override
    List<String> secrets() {
        return PackagedDatabase.secrets();
    }
}
