package identity

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WebAuthnCredential is a passkey or a security key. The ceremony is the host's, by a library
// such as go-webauthn: it needs its own origin and keeps its own challenges. What that
// library verified is stored here, so that it lives and ends with the account.
type WebAuthnCredential struct {
	ID hmstype.WebAuthnCredentialID `json:"id"`
	WebAuthnDetails
	CreatedAt  time.Time `json:"createdAt"`  // UTC
	LastUsedAt time.Time `json:"lastUsedAt"` // UTC; zero means never
}

// WebAuthnDetails are what the host's library verified of a credential.
type WebAuthnDetails struct {
	// CredentialID is as the authenticator named it, 16 to 1023 bytes; unique in the tenant.
	CredentialID []byte `bun:"credential_id" json:"credentialId"`
	PublicKey    []byte `bun:"public_key"    json:"publicKey"` // COSE, up to 4096 bytes
	// SignCount is a signal of clones only: synced passkeys leave it at zero.
	SignCount  uint32 `bun:"sign_count" json:"signCount"`
	AAGUID     []byte `bun:"aaguid"        json:"aaguid"`               // of the authenticator's model, 16 bytes
	Transports string `bun:"transports"    json:"transports,omitempty"` // comma-separated, such as "internal,hybrid"
	Name       string `bun:"name"          json:"name"`                 // as its person calls it, 1 to 100 characters
}

func (d WebAuthnDetails) validate(v *hmstype.Validator) {
	v.Check(len(d.CredentialID) >= 16 && len(d.CredentialID) <= 1023, "credentialId", "must have 16 to 1023 bytes")
	v.Check(len(d.PublicKey) >= 1 && len(d.PublicKey) <= 4096, "publicKey", "must have 1 to 4096 bytes")
	v.Check(len(d.AAGUID) == 16, "aaguid", "must have 16 bytes")
	v.Text(d.Transports, "transports", 0, 100)
	v.Text(d.Name, "name", 1, 100)
}

type webAuthnRow struct {
	bun.BaseModel `bun:"table:hms.webauthn_credential,alias:w"`
	dbx.Header[hmstype.WebAuthnCredentialID]
	UserID hmstype.UserID
	WebAuthnDetails
	LastUsedAt time.Time `bun:",nullzero"`
}

func (r webAuthnRow) credential() WebAuthnCredential {
	return WebAuthnCredential{
		ID: r.ID, WebAuthnDetails: r.WebAuthnDetails, CreatedAt: r.CreatedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(),
	}
}

var opAddWebAuthnCredential = usecase.Proof{
	Name: "identity.add_webauthn_credential", Why: ownAccount, RecentProof: true,
}.Declare()

// AddWebAuthnCredential stores a credential that the host's library has verified for the
// actor. ID, CreatedAt and LastUsedAt are filled in here. [ErrProofRequired] where the actor has
// not proved himself just now, [ErrCredentialTaken] for one that is registered.
func (s *Service) AddWebAuthnCredential(ctx context.Context, c WebAuthnCredential) (WebAuthnCredential, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return WebAuthnCredential{}, err
	}
	var v hmstype.Validator
	c.validate(&v)
	if err := v.Err(); err != nil {
		return WebAuthnCredential{}, err
	}
	var added WebAuthnCredential
	err = s.asSelf(ctx, opAddWebAuthnCredential, func(ctx context.Context, db dbx.DB) error {
		row := webAuthnRow{
			Header: dbx.NewHeader[hmstype.WebAuthnCredentialID](db), UserID: actor.User, WebAuthnDetails: c.WebAuthnDetails,
		}
		if err := dbx.Insert(ctx, db, row); err != nil {
			return err
		}
		added = row.credential()
		return record(ctx, db, "webauthn_added", actor.User)
	})
	return added, err
}

var opListWebAuthnCredentials = usecase.Proof{
	Name: "identity.list_webauthn_credentials", Why: ownAccount, Quiet: "one's own account, no patient's data",
}.Declare()

// ListWebAuthnCredentials lists the actor's own credentials, the oldest first.
func (s *Service) ListWebAuthnCredentials(ctx context.Context) ([]WebAuthnCredential, error) {
	actor, err := s.self(ctx)
	if err != nil {
		return nil, err
	}
	var list []WebAuthnCredential
	err = s.asSelf(ctx, opListWebAuthnCredentials, func(ctx context.Context, db dbx.DB) error {
		rows, err := dbx.All[webAuthnRow](ctx, db, dbx.Equal("user_id", actor.User), dbx.OrderBy("w.created_at", "w.id"))
		list = make([]WebAuthnCredential, len(rows))
		for i, r := range rows {
			list[i] = r.credential()
		}
		return err
	})
	return list, err
}

var opRemoveWebAuthnCredential = usecase.Proof{
	Name: "identity.remove_webauthn_credential", Why: ownAccount, RecentProof: true,
}.Declare()

// RemoveWebAuthnCredential takes one of the actor's own credentials away. [ErrProofRequired] where the
// actor has not proved himself just now.
func (s *Service) RemoveWebAuthnCredential(ctx context.Context, id hmstype.WebAuthnCredentialID) error {
	actor, err := s.self(ctx)
	if err != nil {
		return err
	}
	return s.asSelf(ctx, opRemoveWebAuthnCredential, func(ctx context.Context, db dbx.DB) error {
		var n int64 // see migrate/routine/identity/forget_webauthn.sql
		err := db.QueryRow(ctx, `SELECT hms.forget_webauthn($1, $2, $3)`, db.Tenant(), actor.User, id).Scan(&n)
		if err != nil {
			return err
		}
		if n == 0 {
			return hmstype.NotFound("webauthn_credential", id)
		}
		return record(ctx, db, "webauthn_removed", actor.User)
	})
}
