package dbx

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"time"

	"github.com/chelal/hms/hmstype"
)

// maxKnownPersons bounds what a process remembers of accounts; past it, it starts anew.
const maxKnownPersons = 10_000

// unknownFor is how long a process goes on with that there is no such account.
const unknownFor = time.Second

type accountKey struct {
	tenant hmstype.TenantID
	user   hmstype.UserID
}

// knownPerson is whose an account is; zero where there was no such account, which is known for a while only.
type knownPerson struct {
	person hmstype.UserID
	until  time.Time
}

// personCache remembers whose accounts are. That never changes (migrate/routine/identity/user_account_keep_person.sql),
// so it is asked once per process and account.
type personCache struct {
	mu    sync.Mutex
	known map[accountKey]knownPerson
}

func newPersonCache() *personCache { return &personCache{known: map[accountKey]knownPerson{}} }

func (c *personCache) get(key accountKey, now time.Time) (hmstype.UserID, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, ok := c.known[key]
	fresh := !known.person.IsZero() || now.Before(known.until) && !now.Before(known.until.Add(-unknownFor))
	return known.person, ok && fresh
}

func (c *personCache) put(key accountKey, known knownPerson) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxKnownPersons {
		clear(c.known)
	}
	c.known[key] = known
}

// PersonOf gives the person whose an account is, as the id of that person's first account; zero for who has none here.
func (db DB) PersonOf(ctx context.Context, user hmstype.UserID) (person hmstype.UserID, err error) {
	key := accountKey{db.Tenant(), user}
	if known, ok := db.handle.persons.get(key, db.Now); ok {
		return known, nil
	}
	err = db.QueryRow(ctx, `SELECT person_id FROM hms.user_account WHERE tenant_id = $1 AND id = $2`,
		db.Tenant(), user).Scan(&person)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return person, err
	}
	db.handle.persons.put(key, knownPerson{person: person, until: db.Now.Add(unknownFor)})
	return person, nil
}

// identified gives the operation with the person of its actor's account, whoever made the actor: duties are kept apart
// by persons. What the host says stands where the account is the first one of its person.
func (db DB) identified(ctx context.Context) (DB, error) {
	if db.Actor.User.IsZero() {
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
