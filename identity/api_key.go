package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
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
	ID hmstype.APIKeyID `json:"id"`
	APIKeyDetails
	CreatedBy  hmstype.ActorRef `json:"createdBy"`
	CreatedAt  time.Time        `json:"createdAt,omitzero"`  // UTC
	ExpiresAt  time.Time        `json:"expiresAt,omitzero"`  // UTC
	LastUsedAt time.Time        `json:"lastUsedAt,omitzero"` // UTC, to the minute; zero means never
	RevokedAt  time.Time        `json:"revokedAt,omitzero"`  // UTC; zero means that it was not
	Version    int64            `json:"version"`             // counts changes, from 1; to be used is none
}

// APIKeyDetails are what an administrator says of a key.
type APIKeyDetails struct {
	User hmstype.UserID `bun:"user_id" json:"user"` // whom the program acts as; required
	Name string         `bun:"name"    json:"name"` // 1 to 100 characters
	// Scopes are what it may do, as far as the user may; at least one.
	Scopes []hmstype.Permission `bun:"scopes,type:jsonb" json:"scopes"`
}

func (d APIKeyDetails) validate(v *hmstype.Validator) {
	v.Required(!d.User.IsZero(), "user")
	v.Text(d.Name, "name", 1, 100)
	v.Required(len(d.Scopes) > 0, "scopes")
	validatePermissions(v, d.Scopes)
}

type apiKeyRow struct {
	bun.BaseModel `bun:"table:hms.api_key,alias:k"`
	dbx.Header[hmstype.APIKeyID]
	APIKeyDetails
	TokenHash  []byte
	ExpiresAt  time.Time
	LastUsedAt time.Time `bun:",nullzero"`
	RevokedAt  time.Time `bun:",nullzero"`
}

func (r apiKeyRow) apiKey() APIKey {
	return APIKey{
		ID: r.ID, APIKeyDetails: r.APIKeyDetails, CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
		ExpiresAt: r.ExpiresAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(), RevokedAt: r.RevokedAt.UTC(), Version: r.Version,
	}
}

// CreateAPIKeyInput describes a key.
type CreateAPIKeyInput struct {
	APIKeyDetails
	Expiry time.Duration `json:"expiry"` // more than zero, at most 366 days
}

// Validate implements the rules above.
func (in CreateAPIKeyInput) Validate() error {
	var v hmstype.Validator
	in.validate(&v)
	v.Check(in.Expiry > 0 && in.Expiry <= maxKeyAge, "expiry", "must lie between 0 and 366 days")
	return v.Err()
}

// NewAPIKey is a key that was just made. The token is shown this once; only its hash is kept.
type NewAPIKey struct {
	Token hmstype.Secret `json:"token"`
	Key   APIKey         `json:"key"`
}

var opCreateAPIKey = usecase.Command[CreateAPIKeyInput, NewAPIKey]{
	Name: "identity.create_api_key", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[NewAPIKey](noPatient), RecentProof: true,
	Sample: CreateAPIKeyInput{
		APIKeyDetails: APIKeyDetails{Name: "analyser", Scopes: []hmstype.Permission{hmstype.PermLabRead}}, Expiry: time.Hour,
	},
}.Declare()

// CreateAPIKey makes a key for an active user. Nobody gives what he does not hold: the actor must
// have every scope himself. Whoever made a key answers for what it does, also where it acts by another's
// account. No key makes a key: [ErrPersonRequired]. [ErrProofRequired] for a person who has not proved
// himself just now.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) CreateAPIKey(ctx context.Context, in CreateAPIKeyInput) (NewAPIKey, error) {
	return giving(ctx, s, opCreateAPIKey, in, createAPIKey)
}

func createAPIKey(ctx context.Context, db dbx.DB, in CreateAPIKeyInput, g granting) (NewAPIKey, error) {
	if !db.Actor.APIKey.IsZero() { // what it makes would outlive it
		return NewAPIKey{}, ErrPersonRequired
	}
	if err := g.define(in.Scopes, nil); err != nil {
		return NewAPIKey{}, err
	}
	user, err := dbx.Get[userRow](ctx, db, "user_account", in.User, dbx.ForShare)
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
		Header: dbx.NewHeader[hmstype.APIKeyID](db), APIKeyDetails: in.APIKeyDetails,
		TokenHash: hash, ExpiresAt: db.Now.Add(in.Expiry),
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return NewAPIKey{}, err
	}
	return NewAPIKey{Token: token, Key: row.apiKey()}, record(ctx, db, "api_key_created", in.User)
}

var opRevokeAPIKey = usecase.Command[usecase.ByID[hmstype.APIKeyID], APIKey]{
	Name: "identity.revoke_api_key", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[APIKey](noPatient),
	MayBeIdle: "a key that has ended already stays as it is",
}.Declare()

// RevokeAPIKey ends a key; one that has ended already stays as it is. Every process refuses it
// within a second.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) RevokeAPIKey(ctx context.Context, id hmstype.APIKeyID) (APIKey, error) {
	key, err := opRevokeAPIKey.Run(ctx, &s.base, usecase.ID(id), revokeAPIKey)
	s.sessions.clear()
	return key, err
}

func revokeAPIKey(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.APIKeyID]) (APIKey, error) {
	row, err := dbx.Get[apiKeyRow](ctx, db, "api_key", in.ID, dbx.ForUpdate)
	if err != nil || !row.RevokedAt.IsZero() {
		return row.apiKey(), err
	}
	row.RevokedAt = db.Now
	if err := dbx.Update(ctx, db, &row, "revoked_at"); err != nil {
		return APIKey{}, err
	}
	return row.apiKey(), record(ctx, db, "api_key_revoked", row.User)
}

var opListAPIKeys = usecase.Query[usecase.ByID[hmstype.UserID], []APIKey]{
	Name: "identity.list_api_keys", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[[]APIKey](noPatient), Quiet: noPatient,
}.Declare()

// ListAPIKeys lists a user's keys, those that have ended too.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListAPIKeys(ctx context.Context, user hmstype.UserID) ([]APIKey, error) {
	return opListAPIKeys.Run(ctx, &s.base, usecase.ID(user), apiKeys)
}

func apiKeys(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.UserID]) ([]APIKey, error) {
	rows, err := dbx.All[apiKeyRow](ctx, db, dbx.Equal("user_id", in.ID), dbx.OrderBy("k.created_at", "k.id"))
	keys := make([]APIKey, len(rows))
	for i, r := range rows {
		keys[i] = r.apiKey()
	}
	return keys, err
}

const keyByHash = `SELECT k.user_id, k.scopes, k.last_used_at, k.id, coalesce(hms.actor_person(k.created_by), '')
	FROM hms.api_key AS k
	JOIN hms.user_account AS u ON u.tenant_id = k.tenant_id AND u.tenant_id = $1 AND u.id = k.user_id
	AND u.status = 'active'
	WHERE k.tenant_id = $1 AND k.token_hash = $2 AND k.revoked_at IS NULL AND k.expires_at > $3`

// authenticateKey gives the actor of an API key, with its scopes: a program that acts by its user's
// account. Who made the key answers for what it does; where the host did, the person of that account.
// In SQL: migrate/routine/core/actor_person.sql.
func authenticateKey(ctx context.Context, db dbx.DB, hash []byte) (hmstype.Actor, error) {
	actor := hmstype.Actor{Tenant: db.Tenant(), Kind: hmstype.ActorService, Purpose: hmstype.PurposeOperations}
	var scopes []byte
	var used sql.NullTime
	var maker string
	err := db.QueryRow(ctx, keyByHash, db.Tenant(), hash, db.Now).
		Scan(&actor.User, &scopes, &used, &actor.APIKey, &maker)
	if errors.Is(err, sql.ErrNoRows) {
		return hmstype.Actor{}, ErrSessionEnded
	}
	if err != nil {
		return hmstype.Actor{}, err
	}
	if maker == "" {
		actor.Person, err = db.PersonOf(ctx, actor.User)
	} else {
		actor.Person, err = hmstype.ParseID[hmstype.UserID](maker)
	}
	if err != nil {
		return hmstype.Actor{}, err
	}
	actor.Scopes = []hmstype.Permission{}
	if err := json.Unmarshal(scopes, &actor.Scopes); err != nil {
		return hmstype.Actor{}, err
	}
	if used.Valid && db.Now.Sub(used.Time) < seenEvery {
		return actor, nil
	}
	_, err = db.Exec(ctx, `UPDATE hms.api_key SET last_used_at = $1 WHERE tenant_id = $2 AND id = $3`,
		db.Now, db.Tenant(), actor.APIKey)
	return actor, err
}
