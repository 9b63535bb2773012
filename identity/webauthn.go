package identity

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// WebAuthnCredential is a passkey or a security key. The ceremony is the host's, by a library
// such as go-webauthn: it needs its own origin and keeps its own challenges. What that
// library verified is stored here, so that it lives and ends with the account.
type WebAuthnCredential struct {
	ID           hmstype.WebAuthnCredentialID
	CredentialID []byte // as the authenticator named it, 16 to 1023 bytes; unique in the tenant
	PublicKey    []byte // COSE, up to 4096 bytes
	SignCount    uint32 // a signal of clones only: synced passkeys leave it at zero
	AAGUID       []byte // of the authenticator's model, 16 bytes
	Transports   string // comma-separated, such as "internal,hybrid"
	Name         string // as its person calls it, 1 to 100 characters
	CreatedAt    time.Time
	LastUsedAt   time.Time // UTC; zero means never
}

type webAuthnRow struct {
	bun.BaseModel `bun:"table:hms.webauthn_credential,alias:w"`
	dbx.Tenanted
	ID           hmstype.WebAuthnCredentialID `bun:"id,pk"`
	UserID       hmstype.UserID
	CredentialID []byte
	PublicKey    []byte
	SignCount    int64
	Aaguid       []byte
	Transports   string
	Name         string
	CreatedAt    time.Time
	LastUsedAt   time.Time `bun:",nullzero"`
}

func (c WebAuthnCredential) validate() error {
	var v hmstype.Validator
	v.Check(len(c.CredentialID) >= 16 && len(c.CredentialID) <= 1023, "credentialId", "must have 16 to 1023 bytes")
	v.Check(len(c.PublicKey) >= 1 && len(c.PublicKey) <= 4096, "publicKey", "must have 1 to 4096 bytes")
	v.Check(len(c.AAGUID) == 16, "aaguid", "must have 16 bytes")
	v.Text(c.Transports, "transports", 0, 100)
	v.Text(c.Name, "name", 1, 100)
	return v.Err()
}

// AddWebAuthnCredential stores a credential that the host's library has verified for the
// actor. ID, CreatedAt and LastUsedAt are filled in here. [ErrProofRequired] where the actor has
// not proved himself just now, [ErrCredentialTaken] for one that is registered.
func (s *Service) AddWebAuthnCredential(ctx context.Context, c WebAuthnCredential) (WebAuthnCredential, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return WebAuthnCredential{}, err
	}
	if err := c.validate(); err != nil {
		return WebAuthnCredential{}, err
	}
	err = s.asSelf(ctx, "identity.add_webauthn_credential", func(ctx context.Context, db dbx.DB) error {
		if err := requireRecentProof(actor, db.Now); err != nil {
			return err
		}
		c.ID, c.CreatedAt, c.LastUsedAt = hmstype.NewID[hmstype.WebAuthnCredentialID](), db.Now, time.Time{}
		row := webAuthnRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: c.ID, UserID: actor.User, CredentialID: c.CredentialID, PublicKey: c.PublicKey,
			SignCount: int64(c.SignCount), Aaguid: c.AAGUID, Transports: c.Transports, Name: c.Name, CreatedAt: db.Now,
		}
		if err := dbx.Insert(ctx, db, row); err != nil {
			return err
		}
		return record(ctx, db, "webauthn_added", actor.User)
	})
	return c, err
}

// WebAuthnCredentials lists the actor's own credentials, the oldest first.
func (s *Service) WebAuthnCredentials(ctx context.Context) ([]WebAuthnCredential, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	var list []WebAuthnCredential
	err = s.asSelf(ctx, "identity.webauthn_credentials", func(ctx context.Context, db dbx.DB) error {
		rows, err := dbx.All[webAuthnRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("w.user_id = ?", actor.User).Order("w.created_at", "w.id")
		})
		list = make([]WebAuthnCredential, len(rows))
		for i, r := range rows {
			list[i] = WebAuthnCredential{
				ID: r.ID, CredentialID: r.CredentialID, PublicKey: r.PublicKey, SignCount: uint32(r.SignCount),
				AAGUID: r.Aaguid, Transports: r.Transports, Name: r.Name, CreatedAt: r.CreatedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(),
			}
		}
		return err
	})
	return list, err
}

// RemoveWebAuthnCredential takes one of the actor's own credentials away.
func (s *Service) RemoveWebAuthnCredential(ctx context.Context, id hmstype.WebAuthnCredentialID) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	return s.asSelf(ctx, "identity.remove_webauthn_credential", func(ctx context.Context, db dbx.DB) error {
		n, err := db.Exec(ctx, `DELETE FROM hms.webauthn_credential WHERE tenant_id = $1 AND user_id = $2 AND id = $3`, db.Tenant(), actor.User, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return hmstype.NotFound("WebAuthn credential", id)
		}
		return record(ctx, db, "webauthn_removed", actor.User)
	})
}
