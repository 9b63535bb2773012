package audit_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// monday is where the accesses of these tests begin: midnight in UTC, the tenant's zone.
var monday = time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC)

var week = hmstype.Period{Start: monday, End: monday.AddDate(0, 0, 7)}

// named adds a user of a surname.
func named(t *testing.T, env *dbtest.Env, surname string) identity.User {
	t.Helper()
	user, err := env.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "u-" + hmstype.NewID[hmstype.UserID]().String(), FirstName: "Ruiz",
			LastName: surname},
	})
	require.NoError(t, err)
	return user
}

// find reads all pages of one.
func find(t *testing.T, env *dbtest.Env, q audit.ListUnusualInput) []audit.Unusual {
	t.Helper()
	if q.During.Start.IsZero() {
		q.During = week
	}
	var all []audit.Unusual
	for q.Page = (hmstype.Page{Limit: 1}); ; {
		list, err := audit.New(env.Base).ListUnusual(env.Ctx, q)
		require.NoError(t, err)
		require.LessOrEqual(t, len(list.Items), 1)
		all = append(all, list.Items...)
		if q.Page.Cursor = list.Next; q.Page.Cursor == "" {
			return all
		}
	}
}

func TestService_UnusualSurname(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	garcia, berg := named(t, env, "García López"), named(t, env, "van der Berg")
	aunt, stranger, meer, namesake := register(t, env, "Ruiz Garcia", false), register(t, env, "López-Ortiz", false),
		register(t, env, "van der Meer", false), register(t, env, "Berg", false)
	at := func(hour int) time.Time { return monday.Add(time.Duration(hour) * time.Hour) }
	for i, user := range []identity.User{garcia, berg} {
		for j, p := range []hmstype.PatientID{aunt, stranger, meer, namesake} {
			insert(t, env, t.Context(), at(10*i+j), human(user.ID), "read", p, "")
		}
	}
	insert(t, env, t.Context(), at(5), human(garcia.ID), "update", aunt, "")
	insert(t, env, t.Context(), at(6), human(garcia.ID), "search", aunt, "")
	insert(t, env, t.Context(), week.End, human(garcia.ID), "read", aunt, "")
	require.ElementsMatch(t, []audit.Unusual{ // ids of one millisecond have no order
		{Suspicion: audit.SuspicionSurname, User: garcia.ID, Patient: aunt, Events: 2, Patients: 1, First: at(0),
			Last: at(5)},
		{Suspicion: audit.SuspicionSurname, User: garcia.ID, Patient: stranger, Events: 1, Patients: 1, First: at(1),
			Last: at(1)},
		{Suspicion: audit.SuspicionSurname, User: berg.ID, Patient: namesake, Events: 1, Patients: 1, First: at(13),
			Last: at(13)},
	}, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname}))
	require.Len(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname, User: berg.ID}), 1)
	most := int64(0)
	for _, u := range find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname, Searches: true}) {
		most = max(most, u.Events)
	}
	require.Equal(t, int64(3), most)
}

// A first name that is a user's surname is found by its word, and then left out, also where
// that leaves whole pages empty.
func TestService_UnusualSurnameIsNoFirstName(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := named(t, env, "Martin")
	for range 5 {
		p := register(t, env, "Luther", false)
		_, err := env.DB.NewRaw(`INSERT INTO hms.patient_token (tenant_id, token, patient_id) VALUES (?, 'martin', ?)`,
			env.Tenant, p).Exec(t.Context())
		require.NoError(t, err)
		insert(t, env, t.Context(), monday, human(user.ID), "read", p, "")
	}
	kin := register(t, env, "Martin", false)
	insert(t, env, t.Context(), monday, human(user.ID), "read", kin, "")
	found := find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname})
	require.Len(t, found, 1)
	require.Equal(t, kin, found[0].Patient)
}

func TestService_UnusualOwnRecord(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, colleague := named(t, env, "Self"), named(t, env, "Other")
	own := register(t, env, "Somebody", false)
	link, err := env.Identity.LinkPatient(env.Ctx,
		identity.LinkPatientInput{User: user.ID, Version: user.Version, Patient: own})
	require.NoError(t, err)
	insert(t, env, t.Context(), monday, human(user.ID), "read", own, "")
	insert(t, env, t.Context(), monday, human(colleague.ID), "read", own, "")
	insert(t, env, t.Context(), monday, human(user.ID), "denied", own, "")
	found := find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionOwnRecord})
	require.Equal(t, []audit.Unusual{{Suspicion: audit.SuspicionOwnRecord, User: user.ID, Patient: own, Events: 1,
		Patients: 1, First: monday, Last: monday}}, found)
	_, err = env.Identity.LinkPatient(env.Ctx, identity.LinkPatientInput{User: user.ID, Version: link.Version})
	require.NoError(t, err)
	require.Empty(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionOwnRecord}))
}

func TestService_UnusualVolume(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	usual, busy, fresh := named(t, env, "Usual"), named(t, env, "Busy"), named(t, env, "Fresh")
	read := func(user identity.User, at time.Time, n int) {
		for range n {
			p := hmstype.NewID[hmstype.PatientID]()
			insert(t, env, t.Context(), at, human(user.ID), "read", p, "")
			insert(t, env, t.Context(), at.Add(time.Minute), human(user.ID), "read", p, "")
		}
	}
	for day := range 5 { // the weeks before: four patients an hour for one, twelve for the other
		read(usual, monday.AddDate(0, 0, -day-1).Add(9*time.Hour), 4)
		read(busy, monday.AddDate(0, 0, -day-1).Add(9*time.Hour), 12)
	}
	ten := monday.Add(10 * time.Hour)
	read(usual, ten, 13)
	read(busy, ten, 13)
	read(fresh, ten, 20)
	read(usual, ten.Add(time.Hour), 12)
	hour := hmstype.Period{Start: ten, End: ten.Add(time.Hour)}
	want := audit.Unusual{Suspicion: audit.SuspicionVolume, User: usual.ID, Events: 26, Patients: 13, Usual: 4,
		Window: hour, First: ten, Last: ten.Add(time.Minute)}
	ask := func(v audit.Volume) []audit.Unusual {
		return find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionVolume, Volume: v})
	}
	require.Equal(t, []audit.Unusual{want}, ask(audit.Volume{Times: 3}),
		"more than thrice, not thrice; whoever has no habit is not judged by it")
	require.Empty(t, ask(audit.Volume{Times: 3, Floor: 14}))
	require.Empty(t, ask(audit.Volume{Times: 4}))
	byNumber := ask(audit.Volume{AtLeast: 13})
	require.Len(t, byNumber, 3)
	require.Equal(t, fresh.ID, byNumber[2].User)
	require.Zero(t, byNumber[2].Usual)
	require.Equal(t, int64(20), byNumber[2].Patients)
	day := find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionVolume, User: usual.ID,
		Volume: audit.Volume{PerDay: true, AtLeast: 25}})
	require.Len(t, day, 1)
	require.Equal(t, int64(25), day[0].Patients)
	require.Equal(t, hmstype.Period{Start: monday, End: monday.AddDate(0, 0, 1)}, day[0].Window)
	read(usual, ten, 1)
	require.Equal(t, int64(14), ask(audit.Volume{Times: 3})[0].Patients)
}

func TestService_UnusualAfterHours(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user := named(t, env, "Owl")
	p := hmstype.NewID[hmstype.PatientID]()
	saturday := monday.AddDate(0, 0, 5)
	for _, at := range []time.Time{
		monday.Add(7*time.Hour - time.Second), monday.Add(7 * time.Hour), monday.Add(19*time.Hour - time.Second),
		monday.Add(19 * time.Hour), saturday.Add(12 * time.Hour),
	} {
		insert(t, env, t.Context(), at, human(user.ID), "read", p, "")
	}
	hours := audit.Hours{Opens: 7 * time.Hour, Closes: 19 * time.Hour}
	found := find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionAfterHours, Hours: hours})
	require.Len(t, found, 1)
	require.Equal(t, int64(3), found[0].Events, "before seven, from seven in the evening on, and on Saturday")
	hours.Weekends = true
	require.Equal(t, int64(2),
		find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionAfterHours, Hours: hours})[0].Events)
	hours.Opens, hours.Closes = 0, 24*time.Hour
	require.Empty(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionAfterHours, Hours: hours}))
}

func TestService_UnusualBreakGlass(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	env.Clock.Advance(time.Since(env.Clock.Now()).Truncate(time.Microsecond))
	today := hmstype.Period{Start: env.Clock.Now().Add(-time.Hour), End: env.Clock.Now().Add(time.Hour)}
	vip, other := register(t, env, "Known", true), register(t, env, "Other", true)
	actor := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleDoctor).ID)
	actor.AuthenticatedAt = env.Clock.Now()
	doctor := hmstype.WithActor(t.Context(), actor)
	glass := func(p hmstype.PatientID) identity.BreakGlass {
		grant, err := env.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
			Patient: p, BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonEmergency,
				Text: "Unconscious in the ER"},
		})
		require.NoError(t, err)
		return grant
	}
	used := glass(vip)
	look(t, env, doctor, vip, 3)
	env.Clock.Advance(time.Second)
	unused := glass(other)
	found := find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionBreakGlass, During: today})
	require.Len(t, found, 2)
	require.Equal(t, used.ID, found[0].BreakGlass)
	require.Equal(t, int64(3), found[0].Events)
	require.Equal(t, hmstype.Period{Start: used.StartedAt, End: used.ExpiresAt}, found[0].Window)
	require.False(t, found[0].First.IsZero())
	require.Equal(t, unused.ID, found[1].BreakGlass)
	require.Zero(t, found[1].Events)
	require.True(t, found[1].First.IsZero())

	admin := env.As(t, identity.RoleAdmin)
	_, err := env.Identity.ReviewBreakGlass(admin, identity.ReviewBreakGlassInput{
		ID: used.ID, BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified,
			ReviewText: "Seen in the log"},
	})
	require.NoError(t, err)
	require.Len(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionBreakGlass, During: today}), 1)
	require.Empty(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionBreakGlass, During: today,
		User: hmstype.NewID[hmstype.UserID]()}))
}

func TestUnusualQuery_Validate(t *testing.T) {
	t.Parallel()
	for name, q := range map[string]audit.ListUnusualInput{
		"no suspicion": {During: week},
		"no period":    {Suspicion: audit.SuspicionOwnRecord},
		"open period":  {Suspicion: audit.SuspicionOwnRecord, During: hmstype.Period{Start: monday}},
		"two years": {Suspicion: audit.SuspicionOwnRecord,
			During: hmstype.Period{Start: monday, End: monday.AddDate(2, 0, 0)}},
		"no threshold": {Suspicion: audit.SuspicionVolume, During: week},
		"negative":     {Suspicion: audit.SuspicionVolume, During: week, Volume: audit.Volume{AtLeast: -1, Times: 1}},
		"no hours":     {Suspicion: audit.SuspicionAfterHours, During: week},
		"backwards": {Suspicion: audit.SuspicionAfterHours, During: week,
			Hours: audit.Hours{Opens: 2 * time.Hour, Closes: time.Hour}},
		"seconds": {Suspicion: audit.SuspicionAfterHours, During: week,
			Hours: audit.Hours{Opens: time.Second, Closes: time.Hour}},
	} {
		require.ErrorIs(t, q.Validate(), hmstype.ErrInvalid, name)
	}
}

// What one tenant does is nothing to another, and each patient shown is on the trail.
func TestService_UnusualIsRecorded(t *testing.T) {
	t.Parallel()
	env, other := dbtest.New(t), dbtest.New(t)
	user := named(t, env, "Kin")
	p := register(t, env, "Kin", false)
	insert(t, env, t.Context(), monday, human(user.ID), "read", p, "")
	require.Len(t, find(t, env, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname}), 1)
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND patient_id = ? AND operation = 'audit.list_unusual' AND action = 'search'`, env.Tenant, p))
	require.Empty(t, find(t, other, audit.ListUnusualInput{Suspicion: audit.SuspicionSurname}))
	_, err := audit.New(env.Base).ListUnusual(env.As(t, identity.RoleDoctor), audit.ListUnusualInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

// The questions reach the trail by an index and only the months that they ask for, under
// row-level security: one sequential scan of the trail would take minutes.
func TestUnusual_Plan(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for name, condition := range map[string]string{
		"period":     `e.patient_id IS NOT NULL AND e.actor >= 'human:' AND e.actor < 'human;'`,
		"actor":      `e.actor = 'human:x'`,
		"credential": `e.credential = 'session:x'`,
		"patient":    `e.patient_id = '` + env.Tenant.String() + `'`,
	} {
		plan := explain(t, env,
			`SELECT count(*) FROM hms.audit_event AS e WHERE e.tenant_id = '`+env.Tenant.String()+`' AND `+condition+
				` AND e.recorded_at >= '2026-11-02' AND e.recorded_at < '2026-11-20'`)
		require.NotContains(t, plan, "Seq Scan", name)
		require.LessOrEqual(t, strings.Count(plan, " on audit_event_"), 2, "%s: one month and the default\n%s", name, plan)
	}
}

// explain gives the plan of the application's role, as a large table would have it.
func explain(t *testing.T, env *dbtest.Env, query string) string {
	t.Helper()
	var plan strings.Builder
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		if _, err := db.Exec(ctx, `SET LOCAL enable_seqscan = off`); err != nil {
			return err
		}
		var lines []string
		if err := db.NewRaw(`EXPLAIN `+query).Scan(ctx, &lines); err != nil {
			return err
		}
		plan.WriteString(strings.Join(lines, "\n"))
		return nil
	}))
	return plan.String()
}
