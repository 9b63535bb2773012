package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// further creates a second account of the person of another one.
func further(t *testing.T, env *dbtest.Env, of hmstype.UserID, roles ...string) identity.User {
	t.Helper()
	user, err := env.Identity.CreateUser(env.Ctx,
		identity.CreateUserInput{Profile: aProfile(), Person: of, Roles: roles})
	require.NoError(t, err)
	return user
}

// An account is its own person's unless it says another's; there are no chains, and no change.
func TestCreateUser_SaysWhoseItIs(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	first := env.User(t)
	require.Equal(t, first.ID, first.Person)
	second := further(t, env, first.ID)
	require.Equal(t, first.ID, second.Person)
	third := further(t, env, second.ID)
	require.Equal(t, first.ID, third.Person, "the person's, not the account's")
	_, err := env.Identity.CreateUser(env.Ctx,
		identity.CreateUserInput{Profile: aProfile(), Person: hmstype.NewID[hmstype.UserID]()})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = env.Identity.CreateUser(env.Ctx,
		identity.CreateUserInput{Profile: aProfile(), Person: dbtest.New(t).User(t).ID})
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another tenant's")
}

// The database holds by itself whose accounts are.
func TestUserAccount_TheDatabaseKeepsThePerson(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	first := env.User(t)
	second := further(t, env, first.ID)
	insert := func(person any) (id hmstype.UserID, err error) {
		id = hmstype.NewID[hmstype.UserID]()
		_, err = env.DB.NewRaw(`INSERT INTO hms.user_account (tenant_id, id, username, username_key, first_name, last_name,
			directory_key, person_id, status, created_at, created_by)
			VALUES (?, ?, ?, ?, 'N', 'N', ' n', ?, 'active', now(), 'system:test')`,
			env.Tenant, id, id.String(), id.String(), person).Exec(t.Context())
		return id, err
	}
	_, err := insert(second.ID)
	require.ErrorContains(t, err, "named by the first account", "no chain")
	a, between := hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.UserID]()
	err = env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.NewRaw(`INSERT INTO hms.user_account (tenant_id, id, username, username_key, first_name, last_name,
			directory_key, person_id, status, created_at, created_by)
			VALUES (?0, ?1, 'a', 'a', 'N', 'N', ' n', ?2, 'active', now(), 'system:test'),
				(?0, ?2, 'between', 'between', 'N', 'N', ' n', ?3, 'active', now(), 'system:test')`,
			env.Tenant, a, between, first.ID).Exec(ctx)
		return err
	})
	require.ErrorContains(t, err, "user_account_person: breaks a rule", "no chain by one statement")
	_, err = insert(hmstype.NewID[hmstype.UserID]())
	require.ErrorContains(t, err, "user_account_person_fkey")
	_, err = insert(dbtest.New(t).User(t).ID)
	require.ErrorContains(t, err, "user_account_person_fkey", "another tenant's")
	_, err = insert(first.ID)
	require.NoError(t, err)
	id, err := insert(nil)
	require.NoError(t, err)
	require.Equal(t, id.String(),
		dbtest.Scalar[string](t, env, `SELECT person_id::text FROM hms.user_account WHERE id = ?`, id))
	_, err = env.DB.NewRaw(`UPDATE hms.user_account SET person_id = id WHERE id = ?`, second.ID).Exec(t.Context())
	require.ErrorContains(t, err, "HM002")
}

// Whoever makes the actor, an operation is its person's: the host by hand, a session, a key.
func TestPerson_IsTheAccounts(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	first := env.User(t)
	second := further(t, env, first.ID, identity.RoleNurse)
	key, err := env.Identity.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{APIKeyDetails: identity.APIKeyDetails{
		User: second.ID, Name: "k", Scopes: []hmstype.Permission{hmstype.PermPatientRead},
	}, Expiry: time.Hour})
	require.NoError(t, err)
	program, err := env.Identity.Authenticate(t.Context(), key.Token)
	require.NoError(t, err)
	require.Equal(t, first.ID, program.Person)
	subject := identity.ExternalSubject{Issuer: "https://login.example.org", Subject: second.ID.String()}
	_, err = env.Identity.LinkExternalIdentity(env.Ctx,
		identity.LinkExternalIdentityInput{User: second.ID, ExternalSubject: subject})
	require.NoError(t, err)
	login, err := env.Identity.LoginExternal(env.Ctx,
		identity.LoginExternalInput{ExternalSubject: subject, AuthenticatedAt: env.Clock.Now()})
	require.NoError(t, err)
	session, err := env.Identity.Authenticate(t.Context(), login.Token)
	require.NoError(t, err)
	require.Equal(t, first.ID, session.Person)
	by := func(actor hmstype.Actor) (ref hmstype.ActorRef) {
		require.NoError(t, env.InTx(t, hmstype.WithActor(t.Context(), actor), func(_ context.Context, db dbx.DB) error {
			ref = db.By()
			return nil
		}))
		return ref
	}
	liar := hmstype.HumanActor(env.Tenant, second.ID)
	liar.Person = second.ID
	for _, actor := range []hmstype.Actor{hmstype.HumanActor(env.Tenant, second.ID), liar, program} {
		require.Equal(t, hmstype.ActorRef{Kind: actor.Kind, User: second.ID, Person: first.ID}, by(actor))
	}
	said := hmstype.Actor{
		Tenant: env.Tenant, Kind: hmstype.ActorService, User: first.ID, Person: hmstype.NewID[hmstype.UserID](),
	}
	require.Equal(t, said.Person, by(said).Person, "of a first account the host may know more")
	stranger := hmstype.HumanActor(env.Tenant, hmstype.NewID[hmstype.UserID]())
	require.Equal(t, stranger.User, by(stranger).Person)
}

// What is kept apart is kept apart from all accounts of a person: own roles, own grants, and how many.
func TestPerson_DutiesAreKeptApart(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	second := further(t, env, doctorID, identity.RoleAdmin, identity.RoleDoctor)
	twin := provedJustNow(t, env, second.ID)
	grant, err := s.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err)
	_, err = s.ReviewBreakGlass(twin, judge(grant))
	require.ErrorIs(t, err, identity.ErrOwnReview)
	for range identity.MaxOpenBreakGlass - 1 {
		_, err = s.BreakTheGlass(doctor, glass(vip))
		require.NoError(t, err)
	}
	_, err = s.BreakTheGlass(twin, glass(vip))
	require.ErrorIs(t, err, identity.ErrTooManyOpenGrants)

	_, err = s.SetUserRoles(twin, identity.SetUserRolesInput{ID: doctorID, Roles: []string{identity.RoleAdmin}})
	require.ErrorIs(t, err, identity.ErrOwnRoles)
	own := identity.CreateUserInput{Profile: aProfile(), Person: doctorID, Roles: []string{identity.RoleNurse}}
	_, err = s.CreateUser(twin, own)
	require.ErrorIs(t, err, identity.ErrOwnRoles)
	own.Roles = nil
	_, err = s.CreateUser(twin, own)
	require.NoError(t, err, "without roles it is no gift")
}

// Whoever acts before his account is there is nobody's other account yet, and is from the moment on that it is: a
// process remembers whose an account is, and not that there was none.
func TestPerson_KnownFromTheMomentOfTheAccount(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	first, id := env.User(t), hmstype.NewID[hmstype.UserID]()
	person := func() (who hmstype.UserID) {
		ctx := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, id))
		require.NoError(t, env.InTx(t, ctx, func(_ context.Context, db dbx.DB) error { who = db.By().Person; return nil }))
		return who
	}
	require.Equal(t, id, person())
	_, err := env.DB.NewRaw(`INSERT INTO hms.user_account (tenant_id, id, username, username_key, first_name, last_name,
		directory_key, person_id, status, created_at, created_by)
		VALUES (?, ?, 'late', 'late', 'N', 'N', ' n', ?, 'active', now(), 'system:test')`,
		env.Tenant, id, first.ID).Exec(t.Context())
	require.NoError(t, err)
	require.Equal(t, first.ID, person(), "by the same clock's instant")
}
