package dbx

import (
	"context"
	"database/sql"
	"errors"
	"sync"

	"github.com/chelal/hms/hmstype"
)

// maxKnownPersons bounds what a process remembers of accounts; past it, it starts anew.
const maxKnownPersons = 10_000

type accountKey struct {
	tenant hmstype.TenantID
	user   hmstype.UserID
}

// personCache remembers whose accounts are. That never changes (migrate/routine/identity/user_account_keep_person.sql),
// so it is asked once per process and account.
type personCache struct {
	mu    sync.Mutex
	known map[accountKey]hmstype.UserID
}

func newPersonCache() *personCache { return &personCache{known: map[accountKey]hmstype.UserID{}} }

func (c *personCache) get(key accountKey) (hmstype.UserID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[key]
	return known, ok
}

func (c *personCache) put(key accountKey, person hmstype.UserID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnownPersons {
		clear(c.known)
	}
	c.known[key] = person
}

// PersonOf gives the person whose an account is, as the id of that person's first account; zero for who has none here.
func (db DB) PersonOf(ctx context.Context, user hmstype.UserID) (person hmstype.UserID, err error) {
	key := accountKey{db.Tenant(), user}
	if known, ok := db.handle.persons.get(key); ok {
		return known, nil
	}
	err = db.QueryRow(ctx, `SELECT person_id FROM hms.user_account WHERE tenant_id = $1 AND id = $2`,
		db.Tenant(), user).Scan(&person)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return person, err
	}
	if !person.IsZero() { // who has no account yet may have one a moment later
		db.handle.persons.put(key, person)
	}
	return person, nil
}

// identified gives the operation with the person of its actor's account, whoever made the actor: duties are kept apart
// by persons. What the host says stands where the account is the first one of its person, and for a key, for
// which whoever made it answers.
func (db DB) identified(ctx context.Context) (DB, error) {
	if db.Actor.User.IsZero() || !db.Actor.APIKey.IsZero() && !db.Actor.Person.IsZero() {
		return db, nil
	}
	person, err := db.PersonOf(ctx, db.Actor.User)
	if err != nil || person.IsZero() || person == db.Actor.User {
		return db, err
	}
	db.Actor.Person = person
	db.op.db = db
	return db, nil
}
