package dev.latchkey.token;

import jakarta.persistence.Column;
import jakarta.persistence.Entity;
import jakarta.persistence.Id;
import jakarta.persistence.Table;
import java.time.Instant;
import java.util.UUID;
import org.hibernate.annotations.Immutable;

/** A row of {@code refresh_tokens}. Written by the statements of {@link RefreshTokens} and {@link Sessions} only. */
@Entity
@Immutable
@Table(name = "refresh_tokens")
public class RefreshToken {

    @Id
    public UUID id;

    @Column(name = "user_id", nullable = false)
    public UUID userId;

    /** The session. */
    @Column(name = "family_id", nullable = false)
    public UUID familyId;

    @Column(nullable = false)
    public int generation;

    @Column(name = "token_hash", nullable = false, columnDefinition = "text")
    public String tokenHash;

    @Column(name = "created_at", nullable = false)
    public Instant createdAt;

    @Column(name = "expires_at", nullable = false)
    public Instant expiresAt;

    @Column(name = "revoked_at")
    public Instant revokedAt;

    /** {@code ROTATED}, the name of an {@link EndReason}, or what somebody wrote by hand. */
    @Column(name = "revoked_reason", columnDefinition = "text")
    public String revokedReason;

    @Column(name = "replaced_by")
    public UUID replacedBy;

    @Column(columnDefinition = "text")
    public String ip;

    @Column(name = "user_agent", columnDefinition = "text")
    public String userAgent;

    /** Generated from {@code revoked_at}. */
    @Column(insertable = false, updatable = false)
    public boolean revoked;

    /** The same under another usual name. */
    @Column(name = "is_revoked", insertable = false, updatable = false)
    public boolean isRevoked;
}
