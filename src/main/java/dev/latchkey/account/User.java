package dev.latchkey.account;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import org.hibernate.annotations.Immutable;

/** A row of {@code users}, a table that the application may own: only the columns that Latchkey needs. */
@Entity
@Immutable
@Table(name = "users")
public class User {

    @Id
    public UUID id;

    @Column(columnDefinition = "text")
    public String email;

    /** In the PHC string format; null for a user who can't log in with a password. */
    @Column(name = "password_hash", columnDefinition = "text")
    public String passwordHash;

    @Column(columnDefinition = "text[]", nullable = false)
    public String[] roles;

    /** Raised to end all sessions of the user at once. */
    @Column(name = "session_epoch", nullable = false)
    public int sessionEpoch;

    @Column(name = "disabled_at")
    public Instant disabledAt;

    /** None where the application's own table has null. */
    List<String> roles() {
        return roles == null ? List.of() : Arrays.asList(roles);
    }
}
