package dev.latchkey.token;

import jakarta.enterprise.context.ApplicationScoped;
import jakarta.inject.Inject;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** The accepted keys: the current one, which makes new tokens, and the previous (or next) one. */
@ApplicationScoped
public class RefreshKeys {

    private final List<RefreshKey> accepted = new ArrayList<>();

    /** The keys of these settings. */
    @Inject
    public RefreshKeys(TokenConfig config) {
        this(config.jwtRefreshSecret(), config.jwtRefreshSecretPrevious());
    }

    RefreshKeys(String secret, Optional<String> previous) {
        accepted.add(new RefreshKey(secret));
        previous.map(RefreshKey::new).ifPresent(accepted::add);
    }

    /** Whether both secrets fall on the same key id, so that a token would not say which one made it. */
    public boolean ambiguous() {
        return accepted.size() == 2 && accepted.get(0).id() == accepted.get(1).id();
    }

    RefreshKey current() {
        return accepted.get(0);
    }

    List<RefreshKey> accepted() {
        return accepted;
    }

    Optional<RefreshKey> withId(byte id) {
        return accepted.stream().filter(key -> key.id() == id).findFirst();
    }
}
