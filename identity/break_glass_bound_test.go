package identity_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// A person has so many grants open at once and no more, by whichever of his accounts; another person has
// his own. Who asks for more is told of, to whoever must review.
func TestBreakTheGlass_IsBoundedAtOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	second := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleDoctor).ID)
	second.Person, second.AuthenticatedAt = doctorID, env.Clock.Now()
	twin := hmstype.WithActor(t.Context(), second)
	var last identity.BreakGlass
	for range identity.MaxOpenBreakGlass {
		var err error
		last, err = s.BreakTheGlass(doctor, glass(vip))
		require.NoError(t, err)
	}
	for _, ctx := range []context.Context{doctor, twin} {
		_, err := s.BreakTheGlass(ctx, glass(vip))
		require.ErrorIs(t, err, identity.ErrTooManyOpenGrants)
		require.ErrorIs(t, err, hmstype.ErrPrecondition)
	}
	colleague, _ := person(t, env, identity.RoleDoctor)
	_, err := s.BreakTheGlass(colleague, glass(vip))
	require.NoError(t, err)

	trail, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: vip, User: doctorID, Actions: []audit.Action{audit.ActionDenied}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1)
	require.Equal(t, "break_glass", trail.Items[0].Entity)
	told := dbtest.Texts(t, env.DB, `SELECT data::text FROM hms.outbox WHERE tenant_id = ? AND event_type = ?
		ORDER BY id`, env.Tenant, "identity.break_glass_refused")
	require.Len(t, told, 2)
	var data map[string]string
	require.NoError(t, json.Unmarshal([]byte(told[0]), &data))
	require.Equal(t, map[string]string{"user": doctorID.String(), "patient": vip.String(), "bound": "open"}, data)

	_, err = s.EndBreakGlass(doctor, last.ID)
	require.NoError(t, err)
	_, err = s.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err, "one that was ended makes room")
}

// Within any 24 hours a person gets so many grants, ended or not.
func TestBreakTheGlass_IsBoundedByDay(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	again := func() context.Context {
		actor := hmstype.HumanActor(env.Tenant, doctorID)
		actor.AuthenticatedAt = env.Clock.Now()
		return hmstype.WithActor(t.Context(), actor)
	}
	for range identity.MaxDailyBreakGlass {
		grant, err := s.BreakTheGlass(doctor, glass(vip))
		require.NoError(t, err)
		_, err = s.EndBreakGlass(doctor, grant.ID)
		require.NoError(t, err)
	}
	env.Clock.Advance(24*time.Hour - time.Microsecond)
	_, err := s.BreakTheGlass(again(), glass(vip))
	require.ErrorIs(t, err, identity.ErrTooManyDailyGrants)
	env.Clock.Advance(time.Microsecond)
	_, err = s.BreakTheGlass(again(), glass(vip))
	require.NoError(t, err)
}

// Of many requests at the same moment exactly as many succeed as a person may have open.
func TestBreakTheGlass_ConcurrentRequestsStayBounded(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	doctor, _ := person(t, env, identity.RoleDoctor)
	errs := make([]error, 24)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = env.Identity.BreakTheGlass(doctor, glass(vip)) })
	}
	wg.Wait()
	given := 0
	for _, err := range errs {
		if err == nil {
			given++
			continue
		}
		require.ErrorIs(t, err, identity.ErrTooManyOpenGrants)
	}
	require.Equal(t, identity.MaxOpenBreakGlass, given)
	require.Equal(t, identity.MaxOpenBreakGlass,
		dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.break_glass WHERE tenant_id = ?`, env.Tenant))
}

// A grant ends by the database's clock too: the host's stands still, and keeps nothing open.
func TestBreakTheGlass_EndsByTheDatabasesClock(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	doctor, _ := person(t, env, identity.RoleDoctor)
	in := glass(vip)
	in.Duration = time.Microsecond
	grant, err := s.BreakTheGlass(doctor, in)
	require.NoError(t, err)
	require.True(t, grant.Open(env.Clock.Now()), "the host's clock stands still")
	_, err = patient.New(env.Base, patient.Ports{}).Get(doctor, vip)
	require.ErrorIs(t, err, patient.ErrRestricted, "in a read")
	require.True(t, grant.Withheld, "in a command's result")
	for range identity.MaxOpenBreakGlass {
		_, err := s.BreakTheGlass(doctor, in)
		require.NoError(t, err, "what is over is not open")
	}
}

// The database holds the bounds by itself, and sets by its own clock when it closes a grant.
func TestBreakGlass_TheDatabaseBounds(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	_, doctorID := person(t, env, identity.RoleDoctor)
	insert := func(started string) error {
		_, err := env.DB.NewRaw(`INSERT INTO hms.break_glass (tenant_id, id, created_at, created_by, user_id, patient_id,
			reason_code, reason_text, purpose, status, started_at, expires_at, closes_at)
			VALUES (?, gen_random_uuid(), now(), ?, ?, ?, 'emergency', 'hms1:raw SQL asks too much', 'BTG', 'active',
				now() - ?::interval, now() - ?::interval + interval '1 hour', 'infinity')`,
			env.Tenant, hmstype.HumanActor(env.Tenant, doctorID).Ref(), doctorID, vip, started, started).Exec(t.Context())
		return err
	}
	for range identity.MaxOpenBreakGlass {
		require.NoError(t, insert("0"))
	}
	require.ErrorContains(t, insert("0"), "HM003")
	for range identity.MaxDailyBreakGlass - identity.MaxOpenBreakGlass {
		require.NoError(t, insert("2 hours"))
	}
	require.ErrorContains(t, insert("2 hours"), "HM003")
	require.NoError(t, insert("25 hours"))
	require.Zero(t, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.break_glass WHERE tenant_id = ? AND closes_at > now() + interval '1 hour'`, env.Tenant),
		"closes_at is the database's to set")
	_, err := env.DB.NewRaw(`UPDATE hms.break_glass SET closes_at = closes_at + interval '1 hour' WHERE tenant_id = ?`,
		env.Tenant).Exec(t.Context())
	require.ErrorContains(t, err, "HM002")
}

// A grant opens reads to its user and counts against its author: nobody makes one of another's count, neither by
// another's name nor by another person behind his own.
func TestBreakGlass_TheDatabaseKnowsWhoAsks(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	me, other := env.User(t, identity.RoleDoctor).ID, env.User(t, identity.RoleDoctor).ID
	for _, author := range []string{
		"human:" + other.String(), "human:" + me.String() + "/" + other.String(), "service:" + me.String(), "system:x",
	} {
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.NewRaw(`INSERT INTO hms.break_glass (tenant_id, id, created_at, created_by, user_id, patient_id,
				reason_code, reason_text, purpose, status, started_at, expires_at, closes_at)
				VALUES (?, gen_random_uuid(), now(), ?, ?, ?, 'emergency', 'hms1:raw SQL asks too much', 'BTG', 'active',
					now(), now() + interval '1 hour', 'infinity')`, env.Tenant, author, me, vip).Exec(ctx)
			return err
		})
		require.Equal(t, hmstype.KindInvalid, hmstype.KindOf(err), "%s: %v", author, err)
	}
}

// What the database refuses has the same error as what the service refuses.
func TestBreakGlass_StatesOfTheDatabase(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for detail, want := range map[string]error{
		"open": identity.ErrTooManyOpenGrants, "day": identity.ErrTooManyDailyGrants,
	} {
		err := env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			_, err := db.Exec(ctx, `DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = 'HM003', DETAIL = '`+detail+`'; END $$`)
			return err
		})
		require.ErrorIs(t, err, want)
	}
}
