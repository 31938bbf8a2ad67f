package dev.latchkey.token;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.EnumType;
import jakarta.persistence.Enumerated;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Immutable;

/** A row of {@code login_sessions}: one login on one device. Written by the statements of {@link Sessions} only. */
@Entity
@Immutable
@Table(name = "login_sessions")
public class LoginSession {

    @Id
    public UUID id;

    @Column(name = "user_id", nullable = false)
    public UUID userId;

    /** The user's epoch that its login read; the session is over once the user's is another. */
    @Column(name = "user_epoch", nullable = false)
    public int userEpoch;

    @Column(name = "created_at", nullable = false)
    public Instant createdAt;

    @Column(name = "expires_at", nullable = false)
    public Instant expiresAt;

    @Column(name = "ended_at")
    public Instant endedAt;

    @Enumerated(EnumType.STRING)
    @Column(name = "end_reason", columnDefinition = "text")
    public EndReason endReason;

    @Column(columnDefinition = "text")
    public String ip;

    @Column(name = "user_agent", columnDefinition = "text")
    public String userAgent;

    @Column(columnDefinition = "text")
    public String device;
}
