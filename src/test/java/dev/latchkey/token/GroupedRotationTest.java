package dev.latchkey.token;

import static org.assertj.core.api.Assertions.assertThat;

import dev.latchkey.audit.Client;
import dev.latchkey.testing.Api;
import dev.latchkey.testing.Api.Session;
import dev.latchkey.testing.Api.User;
import dev.latchkey.testing.Db;
import dev.latchkey.testing.Race;
import dev.latchkey.testing.Tokens;
import dev.latchkey.token.RefreshTokens.Live;
import dev.latchkey.token.RefreshTokens.Swap;
import io.quarkus.test.junit.QuarkusTest;
import jakarta.inject.Inject;
import java.sql.Connection;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;

/** The statement that rotates many tokens: each as if it came alone, and none at the expense of another. */
@QuarkusTest
class GroupedRotationTest {

    private static final Client CLIENT = new Client("192.0.2.7", "a browser");

    private final Api api = Api.underTest();

    @Inject
    TokenFormat format;

    @Inject
    RefreshTokens tokens;

    private Swap swap(String token) {
        Token presented = format.read(token).token().orElseThrow();
        UUID successorId = UUID.randomUUID();
        return new Swap(presented, format.next(presented, successorId), successorId, CLIENT);
    }

    private Swap swap(Session session) {
        return swap(session.refreshToken());
    }

    @Test
    void a_token_in_a_group_is_rotated_as_one_that_comes_alone() {
        Session one = api.newSession();
        Session other = api.newSession();
        Swap alone = swap(api.newSession());
        List<Swap> group = List.of(swap(one), swap(other));

        Live expected = tokens.rotate(alone).orElseThrow();
        Map<UUID, Live> rotated = tokens.rotate(group);

        assertThat(rotated).containsOnlyKeys(one.id(), other.id());
        assertThat(rotated.get(one.id()).user()).isEqualTo(one.user());
        assertThat(rotated.get(other.id()).user()).isEqualTo(other.user());
        for (Swap swap : group) {
            Live live = rotated.get(swap.presented().session());
            assertThat(live.roles()).isEqualTo(expected.roles());
            assertThat(Duration.between(live.now(), live.expiresAt()))
                    .isEqualTo(Duration.between(expected.now(), expected.expiresAt()));
            assertThat(generation(swap, 0)).isEqualTo(generation(alone, 0));
            assertThat(generation(swap, 1)).isEqualTo(generation(alone, 1));
            assertThat(Tokens.rows(swap.presented().session()))
                    .extracting(row -> row.get("token_hash"))
                    .containsExactly(swap.presented().hash(), swap.successor().hash());
            assertThat(api.refresh(swap.successor().text()).status()).isEqualTo(200);
        }
    }

    /** A row without what differs from session to session. */
    private static Map<String, Object> generation(Swap swap, int generation) {
        Map<String, Object> row =
                new HashMap<>(Tokens.rows(swap.presented().session()).get(generation));
        assertThat(row.get("replaced_by")).isEqualTo(generation == 0 ? swap.successorId() : null);
        row.keySet()
                .removeAll(List.of(
                        "id",
                        "user_id",
                        "family_id",
                        "token_hash",
                        "created_at",
                        "expires_at",
                        "revoked_at",
                        "replaced_by"));
        return row;
    }

    @Test
    void row_ids_that_come_one_after_the_other_stand_side_by_side_and_are_never_the_same() throws Exception {
        List<UUID> ids = new ArrayList<>();
        for (int i = 0; i < 50; i++) {
            ids.add(RefreshTokens.newRowId());
            Thread.sleep(2);
        }

        assertThat(ids).doesNotHaveDuplicates().allMatch(id -> id.version() == 7 && id.variant() == 2);
        assertThat(ids.stream().map(UUID::toString)).isSorted();
        assertThat(ids.stream().map(UUID::getLeastSignificantBits)).doesNotHaveDuplicates();
        long time = ids.get(0).getMostSignificantBits() >>> 16;
        assertThat(time).isBetween(System.currentTimeMillis() - 60_000, System.currentTimeMillis());
    }

    @Test
    void what_is_not_live_is_left_out_and_its_neighbours_are_rotated() {
        Session first = api.newSession();
        Session rotated = api.newSession();
        Session expired = api.newSession();
        Session over = api.newSession();
        Session loggedOut = api.newSession();
        Session disabled = api.newSession();
        Session outdated = api.newSession();
        Session revoked = api.newSession();
        Session gone = api.newSession();
        Session last = api.newSession();
        api.refresh(rotated.refreshToken());
        Db.update("UPDATE refresh_tokens SET expires_at = now() WHERE family_id = ?", expired.id());
        Db.update("UPDATE login_sessions SET expires_at = now() WHERE id = ?", over.id());
        api.logout(loggedOut.refreshToken());
        Db.update("UPDATE users SET disabled_at = now() WHERE id = ?", disabled.user());
        Db.update("UPDATE users SET session_epoch = session_epoch + 1 WHERE id = ?", outdated.user());
        Db.update("UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = ?", revoked.id());
        Db.update("DELETE FROM refresh_tokens WHERE family_id = ?", gone.id());

        Map<UUID, Live> answer = tokens.rotate(
                List.of(first, rotated, expired, over, loggedOut, disabled, outdated, revoked, gone, last).stream()
                        .map(this::swap)
                        .toList());

        assertThat(answer).containsOnlyKeys(first.id(), last.id());
        for (Session left : List.of(expired, over, loggedOut, disabled, outdated, revoked)) {
            assertThat(Tokens.rows(left.id())).hasSize(1);
        }
    }

    @Test
    void a_row_that_something_else_holds_is_left_out_at_once() throws Exception {
        Session free = api.newSession();
        Session held = api.newSession();
        Session ofHeldUser = api.newSession();
        Swap heldSwap = swap(held);
        try (Connection connection = Db.connect()) {
            connection.setAutoCommit(false);
            Db.rows(connection, "SELECT id FROM refresh_tokens WHERE family_id = ? FOR UPDATE", held.id());
            Db.rows(connection, "SELECT id FROM users WHERE id = ? FOR UPDATE", ofHeldUser.user());
            long start = System.nanoTime();

            Map<UUID, Live> answer = tokens.rotate(List.of(heldSwap, swap(ofHeldUser), swap(free)));

            assertThat(answer).containsOnlyKeys(free.id());
            assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
        }
        assertThat(tokens.rotate(heldSwap)).isPresent();
    }

    /** Without an order of locking, groups that waited for each other's rows would deadlock. */
    @Test
    void groups_that_overlap_in_any_order_rotate_each_token_once() {
        User user = api.newUser();
        List<String> live = new ArrayList<>();
        for (int i = 0; i < 12; i++) {
            live.add(api.logIn(user).refreshToken());
        }
        int leftOut = 0;
        try (Race race = new Race()) {
            for (int round = 1; round <= 100; round++) {
                List<String> presented = List.copyOf(live);
                List<Map<UUID, Swap>> answers =
                        race.run(Collections.nCopies(4, (Callable<Map<UUID, Swap>>) () -> rotateShuffled(presented)));

                live.clear();
                for (String token : presented) {
                    UUID session = swap(token).presented().session();
                    List<Swap> winners = answers.stream()
                            .filter(answer -> answer.containsKey(session))
                            .map(answer -> answer.get(session))
                            .toList();
                    assertThat(winners)
                            .as("round %d, %s: %s", round, session, Tokens.rows(session))
                            .hasSizeLessThan(2);
                    leftOut += 1 - winners.size();
                    live.add(
                            winners.isEmpty()
                                    ? token
                                    : winners.get(0).successor().text());
                    assertThat(Tokens.unrevoked(session)).isEqualTo(1);
                }
            }
        }
        System.out.printf("100 rounds of 12 tokens in 4 groups, %d left out by all%n", leftOut);
        assertThat(live)
                .allSatisfy(token -> assertThat(api.refresh(token).status()).isEqualTo(200));
    }

    private Map<UUID, Swap> rotateShuffled(List<String> presented) {
        List<String> shuffled = new ArrayList<>(presented);
        Collections.shuffle(shuffled);
        Map<UUID, Swap> swaps = new HashMap<>();
        shuffled.stream()
                .map(this::swap)
                .forEach(swap -> swaps.put(swap.presented().session(), swap));
        swaps.keySet().retainAll(tokens.rotate(List.copyOf(swaps.values())).keySet());
        return swaps;
    }
}
