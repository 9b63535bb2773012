package identity

import (
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// maxKeyAge is the longest life of an API key.
const maxKeyAge = 366 * 24 * time.Hour

// APIKey is what a program proves itself by: it acts as its user, within its scopes.
type APIKey struct {
	ID         hmstype.APIKeyID
	User       hmstype.UserID
	Name       string
	Scopes     []hmstype.Permission // what it may do, as far as the user may
	CreatedBy  string               // an actor, as in the audit trail
	CreatedAt  time.Time            // UTC
	ExpiresAt  time.Time            // UTC
	LastUsedAt time.Time            // UTC, to the minute; zero means never
	RevokedAt  time.Time            // UTC; zero means that it was not
}

type apiKeyRow struct {
	bun.BaseModel `bun:"table:hms.api_key,alias:k"`
	dbx.Tenanted
	ID         hmstype.APIKeyID `bun:"id,pk"`
	UserID     hmstype.UserID
	Name       string
	TokenHash  []byte
	Scopes     []hmstype.Permission `bun:"type:jsonb"`
	CreatedBy  string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	LastUsedAt time.Time `bun:",nullzero"`
	RevokedAt  time.Time `bun:",nullzero"`
}

func (r apiKeyRow) key() APIKey {
	return APIKey{
		ID: r.ID, User: r.UserID, Name: r.Name, Scopes: r.Scopes, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(), RevokedAt: r.RevokedAt.UTC(),
	}
}

// CreateAPIKeyInput describes a key.
type CreateAPIKeyInput struct {
	User   hmstype.UserID       // whom the program acts as; required
	Name   string               // 1 to 100 characters
	Scopes []hmstype.Permission // of the catalogue; at least one
	Expiry time.Duration        // more than zero, at most 366 days
}

// Validate implements the rules above.
func (in CreateAPIKeyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	v.Text(in.Name, "name", 1, 100)
	v.Required(len(in.Scopes) > 0, "scopes")
	validatePermissions(&v, in.Scopes)
	v.Check(in.Expiry > 0 && in.Expiry <= maxKeyAge, "expiry", "must lie between 0 and 366 days")
	return v.Err()
}

// NewAPIKey is a key that was just made. The token is shown this once; only its hash is kept.
type NewAPIKey struct {
	Token hmstype.Secret
	Key   APIKey
}

// CreateAPIKey makes a key for an active user. Nobody gives what he does not hold: a human
// actor must have every scope himself.
func (s *Service) CreateAPIKey(ctx context.Context, in CreateAPIKeyInput) (NewAPIKey, error) {
	op := usecase.Op{Name: "identity.create_api_key", Permission: hmstype.PermIdentityManage}
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return NewAPIKey{}, &hmstype.Error{Op: op.Name, Err: err}
	}
	// Asked before the transaction, as an Authorizer may need a connection of its own.
	for _, scope := range in.Scopes {
		if !slices.Contains(hmstype.Permissions(), scope) {
			continue // the input is refused for it, without repeating it
		}
		if err := s.base.Authorizer.Authorize(ctx, actor, scope); err != nil {
			return NewAPIKey{}, &hmstype.Error{Op: op.Name, Err: err}
		}
	}
	return usecase.Write(ctx, &s.base, op, in, createAPIKey)
}

func createAPIKey(ctx context.Context, db dbx.DB, in CreateAPIKeyInput) (NewAPIKey, error) {
	user, err := dbx.Get[userRow](ctx, db, "user", in.User, dbx.ForShare)
	if err != nil {
		return NewAPIKey{}, err
	}
	if user.Status != UserActive {
		return NewAPIKey{}, ErrDeactivated
	}
	token, hash, err := newToken(apiKeyToken, db.Tenant())
	if err != nil {
		return NewAPIKey{}, err
	}
	row := apiKeyRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.APIKeyID](), UserID: in.User, Name: in.Name,
		TokenHash: hash, Scopes: in.Scopes, CreatedBy: db.ActorName(), CreatedAt: db.Now, ExpiresAt: db.Now.Add(in.Expiry),
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return NewAPIKey{}, err
	}
	return NewAPIKey{Token: token, Key: row.key()}, record(ctx, db, "api_key_created", in.User)
}

// RevokeAPIKey ends a key; one that has ended already stays as it is. Every process refuses it
// within a second.
func (s *Service) RevokeAPIKey(ctx context.Context, id hmstype.APIKeyID) (APIKey, error) {
	op := usecase.Op{Name: "identity.revoke_api_key", Permission: hmstype.PermIdentityManage}
	key, err := usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.APIKeyID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.APIKeyID]) (APIKey, error) {
			row, err := dbx.Get[apiKeyRow](ctx, db, "API key", in.ID, dbx.ForUpdate)
			if err != nil || !row.RevokedAt.IsZero() {
				return row.key(), err
			}
			row.RevokedAt = db.Now
			_, err = db.Exec(ctx, `UPDATE hms.api_key SET revoked_at = $1 WHERE tenant_id = $2 AND id = $3`, db.Now, db.Tenant(), in.ID)
			if err != nil {
				return APIKey{}, err
			}
			return row.key(), record(ctx, db, "api_key_revoked", row.UserID)
		})
	s.sessions.clear()
	return key, err
}

// APIKeys lists a user's keys, those that have ended too.
func (s *Service) APIKeys(ctx context.Context, user hmstype.UserID) ([]APIKey, error) {
	op := usecase.Op{Name: "identity.api_keys", Permission: hmstype.PermIdentityRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.UserID]{ID: user},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) ([]APIKey, error) {
			rows, err := dbx.All[apiKeyRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("k.user_id = ?", in.ID).Order("k.created_at", "k.id")
			})
			keys := make([]APIKey, len(rows))
			for i, r := range rows {
				keys[i] = r.key()
			}
			return keys, err
		})
}
