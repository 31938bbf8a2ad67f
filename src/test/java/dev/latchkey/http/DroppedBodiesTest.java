package dev.latchkey.http;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.testing.RawHttp;
import dev.latchkey.testing.Waiting;
import io.netty.buffer.PooledByteBufAllocator;
import io.quarkus.test.junit.QuarkusTest;
import io.restassured.RestAssured;
import org.junit.jupiter.api.Test;

/** The service shares the test's JVM, so that it can be seen what its connections hold. */
@QuarkusTest
class DroppedBodiesTest {

    private static final PooledByteBufAllocator POOL = PooledByteBufAllocator.DEFAULT;
    private static final long LITTLE = 1 << 20;

    @Test
    void what_follows_a_request_that_asked_to_hang_up_takes_no_memory() {
        String last =
                "POST /api/auth/logout HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        String more = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50000\r\n\r\n" + "x".repeat(50_000);

        takesNoMemory(last + more, "HTTP/1.1 400 ");
    }

    @Test
    void what_follows_an_upgrade_that_fails_takes_no_memory() {
        String upgrade =
                "POST /api/auth/logout HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 50000\r\n\r\n";

        takesNoMemory(upgrade + "x".repeat(50_000), "HTTP/1.1 413 ");
    }

    private static void takesNoMemory(String request, String answer) {
        long before = POOL.pinnedDirectMemory();

        for (int i = 0; i < 100; i++) {
            assertThat(RawHttp.whole(RestAssured.port, request)).startsWith(answer);
        }

        assertThat(POOL.metric().usedDirectMemory()).as("it is this pool").isPositive();
        Waiting.until(() -> POOL.pinnedDirectMemory() < before + LITTLE);
    }
}
