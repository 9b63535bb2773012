package identity

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ExternalIdentity is what a user is to an identity provider of the hospital's, by which he may sign in.
type ExternalIdentity struct {
	ID   hmstype.ExternalIdentityID `json:"id"`
	User hmstype.UserID             `json:"user"`
	ExternalSubject
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
}

// ExternalSubject names somebody at a provider; both texts count to the byte (OpenID Connect Core 1.0,
// section 5.7: only the two together name a person, and no e-mail address does).
type ExternalSubject struct {
	Issuer  string `bun:"issuer"  json:"issuer"`  // of the assertion; required, up to 300 characters
	Subject string `bun:"subject" json:"subject"` // at the issuer: sub, NameID; required, up to 256 characters
}

func (e ExternalSubject) validate(v *hmstype.Validator) {
	v.Text(e.Issuer, "issuer", 1, 300)
	v.Text(e.Subject, "subject", 1, 256)
}

type externalIdentityRow struct {
	bun.BaseModel `bun:"table:hms.external_identity,alias:x"`
	dbx.Header[hmstype.ExternalIdentityID]
	UserID hmstype.UserID
	ExternalSubject
}

func (r externalIdentityRow) identity() ExternalIdentity {
	return ExternalIdentity{
		ID: r.ID, User: r.UserID, ExternalSubject: r.ExternalSubject,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
	}
}
