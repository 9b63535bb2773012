package audit_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func TestService_ListAccesses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	// grants are dated by the host's clock, events by the database's
	env.Clock.Advance(time.Since(env.Clock.Now()).Truncate(time.Microsecond))
	s := audit.New(env.Base)
	vip := register(t, env, "Known", true)
	user := env.User(t, identity.RoleDoctor)
	actor := hmstype.HumanActor(env.Tenant, user.ID)
	actor.AuthenticatedAt = env.Clock.Now()
	doctor := hmstype.WithActor(t.Context(), actor)
	_, err := patient.New(env.Base, patient.Ports{}).Get(doctor, vip)
	require.ErrorIs(t, err, patient.ErrRestricted)
	grant, err := env.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
		Patient: vip, BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonEmergency,
			Text: "Unconscious in the ER"},
	})
	require.NoError(t, err)
	_, err = patient.New(env.Base, patient.Ports{}).Get(doctor, vip)
	require.NoError(t, err)

	_, err = s.ListAccesses(env.Ctx, audit.ListAccessesInput{Patient: vip})
	require.NoError(t, err)
	report, err := s.ListAccesses(env.Ctx, audit.ListAccessesInput{Patient: vip})
	require.NoError(t, err)
	require.Len(t, report.Items, 5, "the report before, the read, the grant, the refusal, the registration")
	own, read, glass, refusal, registered := report.Items[0], report.Items[1], report.Items[2], report.Items[3],
		report.Items[4]
	require.Equal(t, "audit.list_accesses", own.Operation)
	require.Equal(t, grant.ID, read.BreakGlass)
	require.Equal(t, hmstype.PurposeEmergency, read.Purpose)
	require.Equal(t, "Test User", read.Name)
	require.Equal(t, audit.ActionRead, read.Action)
	require.Equal(t, "break_glass", glass.Entity)
	require.Equal(t, audit.OutcomeDenied, refusal.Outcome)
	require.Equal(t, "patient.register", registered.Operation)
	require.Empty(t, registered.Name, "the host is no user")

	totals, err := s.ListAccessTotals(env.Ctx,
		audit.ListAccessTotalsInput{Patient: vip, During: hmstype.Period{Start: always().Start, End: own.At}})
	require.NoError(t, err)
	require.Len(t, totals.Items, 3, "the host's registration; the doctor with the grant and without it")
	require.Equal(t, grant.ID, totals.Items[2].BreakGlass)
	require.Equal(t, int64(2), totals.Items[1].Events)
	require.Equal(t, []audit.Action{audit.ActionCreate, audit.ActionDenied}, totals.Items[1].Actions)
	require.Equal(t, refusal.At, totals.Items[1].First)
	require.Equal(t, glass.At, totals.Items[1].Last)

	n := 0
	for a, err := range s.ExportAccesses(env.Ctx,
		audit.ExportAccessesInput{Patient: vip, Page: hmstype.Page{Limit: 2},
			During: hmstype.Period{Start: always().Start, End: own.At}}) {
		require.NoError(t, err)
		require.Equal(t, report.Items[n+1], a)
		n++
	}
	require.Equal(t, 4, n)
	old, err := s.ListAccesses(env.Ctx,
		audit.ListAccessesInput{Patient: vip,
			During: hmstype.Period{Start: always().Start, End: env.Clock.Now().AddDate(-1, 0, 0)}})
	require.NoError(t, err)
	require.Empty(t, old.Items)
	_, err = s.ListAccesses(env.Ctx, audit.ListAccessesInput{})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

// insert puts an access into the trail at a time of the past, as a superuser can.
func insert(
	t require.TestingT, env *dbtest.Env, ctx context.Context, at time.Time,
	actor, action string, p hmstype.PatientID, credential string,
) {
	_, err := env.DB.NewRaw(`INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id,
		patient_id, operation, request_id, purpose, credential)
		VALUES (?, ?, ?, ?, 'note', '', ?, 'test', '', 'TREAT', ?)`, env.Tenant, at, actor, action, p, credential).Exec(ctx)
	require.NoError(t, err)
}

func human(user hmstype.UserID) string { return "human:" + user.String() }

// However accesses are mixed, whoever asks by patient and whoever asks by actor comes to the
// same numbers, and all of them add up to the events.
func TestService_ExposureAddsUp(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	start := time.Date(2011, 5, 1, 8, 0, 0, 0, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		start = start.Add(24 * time.Hour) // a day of its own
		during := hmstype.Period{Start: start, End: start.Add(24 * time.Hour)}
		users := []hmstype.UserID{hmstype.NewID[hmstype.UserID](), hmstype.NewID[hmstype.UserID](),
			hmstype.NewID[hmstype.UserID]()}
		patients := []hmstype.PatientID{hmstype.NewID[hmstype.PatientID](), hmstype.NewID[hmstype.PatientID](),
			hmstype.NewID[hmstype.PatientID]()}
		type pair struct {
			user    hmstype.UserID
			patient hmstype.PatientID
		}
		want := map[pair]int64{}
		n := rapid.IntRange(0, 12).Draw(rt, "n")
		for i := range n {
			k := pair{rapid.SampledFrom(users).Draw(rt, "user"), rapid.SampledFrom(patients).Draw(rt, "patient")}
			action := rapid.SampledFrom([]string{"read", "search", "update", "denied"}).Draw(rt, "action")
			insert(rt, env, t.Context(), start.Add(time.Duration(i)*time.Second), human(k.user), action, k.patient, "")
			if action != "denied" {
				want[k]++
			}
		}
		byUser, byPatient := map[pair]int64{}, map[pair]int64{}
		for _, u := range users {
			for _, x := range exposures(rt, func(p hmstype.Page) (hmstype.List[audit.Exposure], error) {
				return s.ListExposures(env.Ctx, audit.ListExposuresInput{User: u, During: during, Page: p})
			}) {
				byUser[pair{u, x.Patient}] += x.Events
			}
		}
		for _, p := range patients {
			var totals int64
			for _, x := range exposures(rt, func(page hmstype.Page) (hmstype.List[audit.Exposure], error) {
				return s.ListExposuresTo(env.Ctx, audit.ListExposuresToInput{Patient: p, During: during, Page: page})
			}) {
				byPatient[pair{x.Actor.User, p}] += x.Events
			}
			list, err := s.ListAccessTotals(env.Ctx, audit.ListAccessTotalsInput{Patient: p, During: during})
			require.NoError(rt, err)
			for _, x := range list.Items {
				totals += x.Events
			}
			require.Equal(rt, dbtest.Scalar[int64](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
				AND patient_id = ? AND recorded_at >= ? AND recorded_at < ?`, env.Tenant, p, during.Start, during.End), totals)
		}
		require.Equal(rt, want, byUser)
		require.Equal(rt, want, byPatient)
	})
}

// exposures reads all pages of two.
func exposures(t require.TestingT, read func(hmstype.Page) (hmstype.List[audit.Exposure], error)) []audit.Exposure {
	var all []audit.Exposure
	for page := (hmstype.Page{Limit: 2}); ; {
		list, err := read(page)
		require.NoError(t, err)
		all = append(all, list.Items...)
		if page.Cursor = list.Next; page.Cursor == "" {
			return all
		}
	}
}

func TestService_ListExposures(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	user := hmstype.NewID[hmstype.UserID]()
	first, second := hmstype.NewID[hmstype.PatientID](), hmstype.NewID[hmstype.PatientID]()
	session, key := hmstype.NewID[hmstype.SessionID](), hmstype.NewID[hmstype.APIKeyID]()
	at := time.Date(2025, 1, 1, 8, 0, 0, 0, time.UTC)
	during := hmstype.Period{Start: at, End: at.Add(time.Hour)}
	put := func(minute int, actor, action string, p hmstype.PatientID, credential string) {
		insert(t, env, t.Context(), at.Add(time.Duration(minute)*time.Minute), actor, action, p, credential)
	}
	put(-1, human(user), "read", second, "")
	put(0, human(user), "read", first, "session:"+session.String())
	put(5, human(user), "update", first, "")
	put(6, "service:"+user.String(), "export", first, "key:"+key.String())
	put(7, human(user), "denied", second, "session:"+session.String())
	put(60, human(user), "read", second, "")
	ask := func(q audit.ListExposuresInput) []audit.Exposure {
		q.During = during
		list, err := s.ListExposures(env.Ctx, q)
		require.NoError(t, err)
		return list.Items
	}
	require.Equal(t, []audit.Exposure{{
		Patient: first, Events: 3, First: at, Last: at.Add(6 * time.Minute), Entities: []string{"note"},
		Actions: []audit.Action{audit.ActionExport, audit.ActionRead, audit.ActionUpdate},
	}}, ask(audit.ListExposuresInput{User: user}))
	bySession := ask(audit.ListExposuresInput{Session: session})
	require.Len(t, bySession, 1, "a refusal exposes nothing")
	require.Equal(t, human(user), bySession[0].Actor.String())
	require.Equal(t, "service:"+user.String(), ask(audit.ListExposuresInput{APIKey: key})[0].Actor.String())
	require.Equal(t, int64(2), ask(audit.ListExposuresInput{Actor: human(user)})[0].Events)

	back, err := s.ListExposuresTo(env.Ctx, audit.ListExposuresToInput{Patient: first, During: during})
	require.NoError(t, err)
	require.Len(t, back.Items, 3)
	require.Equal(t, session, back.Items[0].Session)
	require.Equal(t, key, back.Items[2].APIKey)
	require.Equal(t, 4, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND patient_id = ? AND operation = 'audit.list_exposures' AND action = 'search'`,
		env.Tenant, first), "the patient is told of each question that showed him")

	for name, q := range map[string]audit.ListExposuresInput{
		"nobody": {During: during}, "two": {During: during, User: user, Session: session}, "no period": {User: user},
	} {
		_, err := s.ListExposures(env.Ctx, q)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = s.ListExposuresTo(env.Ctx, audit.ListExposuresToInput{During: during})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = s.ListExposures(env.As(t, identity.RoleDoctor), audit.ListExposuresInput{User: user, During: during})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	other := dbtest.New(t)
	list, err := s.ListExposures(other.Ctx, audit.ListExposuresInput{User: user, During: during})
	require.NoError(t, err)
	require.Empty(t, list.Items, "another tenant's")
}
