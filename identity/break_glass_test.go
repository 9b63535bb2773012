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
	"github.com/chelal/hms/patient"
)

// person gives the context of a user who proved himself just now.
func person(t *testing.T, env *dbtest.Env, roles ...string) (context.Context, hmstype.UserID) {
	t.Helper()
	user := env.User(t, roles...)
	actor := hmstype.HumanActor(env.Tenant, user.ID)
	actor.AuthenticatedAt = env.Clock.Now()
	return hmstype.WithActor(t.Context(), actor), user.ID
}

func restrictedPatient(t *testing.T, env *dbtest.Env) hmstype.PatientID {
	t.Helper()
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderOther}, Restricted: true,
	})
	require.NoError(t, err)
	return p.ID
}

func glass(p hmstype.PatientID) identity.BreakTheGlassInput {
	return identity.BreakTheGlassInput{
		Patient: p,
		BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	}
}

func TestService_BreakTheGlass(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, patients := env.Identity, patient.New(env.Base, patient.Ports{})
	vip, other := restrictedPatient(t, env), restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)

	_, err := patients.Get(doctor, vip)
	require.ErrorIs(t, err, patient.ErrRestricted)
	grant, err := s.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err)
	require.Equal(t, env.Clock.Now().Add(time.Hour), grant.ExpiresAt)

	_, err = patients.Get(doctor, vip)
	require.NoError(t, err)
	_, err = patients.Get(doctor, other)
	require.ErrorIs(t, err, patient.ErrRestricted, "one patient only")
	colleague, _ := person(t, env, identity.RoleDoctor)
	_, err = patients.Get(colleague, vip)
	require.ErrorIs(t, err, patient.ErrRestricted, "one person only")

	trail, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: vip, User: doctorID, Actions: []audit.Action{audit.ActionRead}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1)
	require.Equal(t, grant.ID, trail.Items[0].BreakGlass, "the read carries the grant")
	require.Equal(t, hmstype.PurposeEmergency, trail.Items[0].Purpose)

	env.Clock.Advance(time.Hour - time.Microsecond)
	_, err = patients.Get(doctor, vip)
	require.NoError(t, err)
	env.Clock.Advance(time.Microsecond)
	_, err = patients.Get(doctor, vip)
	require.ErrorIs(t, err, patient.ErrRestricted, "over at its expiry")
}

func TestService_EndBreakGlass(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	nurse, _ := person(t, env, identity.RoleNurse)
	other, _ := person(t, env, identity.RoleDoctor)
	grant, err := env.Identity.BreakTheGlass(nurse, glass(vip))
	require.NoError(t, err)
	_, err = env.Identity.EndBreakGlass(other, grant.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another's")
	ended, err := env.Identity.EndBreakGlass(nurse, grant.ID)
	require.NoError(t, err)
	require.Equal(t, env.Clock.Now(), ended.EndedAt)
	_, err = patient.New(env.Base, patient.Ports{}).Get(nurse, vip)
	require.ErrorIs(t, err, patient.ErrRestricted)
	again, err := env.Identity.EndBreakGlass(nurse, grant.ID)
	require.NoError(t, err)
	require.Equal(t, ended, again)
}

// reviewByExactlyOne lets many review one grant at once: one judgement stands.
func reviewByExactlyOne(t *testing.T, env *dbtest.Env, review identity.ReviewBreakGlassInput) {
	t.Helper()
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		ctx, _ := person(t, env, identity.RoleAdmin)
		wg.Go(func() { _, errs[i] = env.Identity.ReviewBreakGlass(ctx, review) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, identity.ErrReviewed)
	}
	require.Equal(t, 1, won)
}

func TestService_BreakTheGlassRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	stale := hmstype.HumanActor(env.Tenant, doctorID)
	stale.AuthenticatedAt = env.Clock.Now().Add(-identity.RecentProof - time.Second)
	future := stale
	future.AuthenticatedAt = env.Clock.Now().Add(time.Second)
	desk, _ := person(t, env, identity.RoleReceptionist)
	ask := func(ctx context.Context, change func(*identity.BreakTheGlassInput)) error {
		in := glass(vip)
		if change != nil {
			change(&in)
		}
		_, err := env.Identity.BreakTheGlass(ctx, in)
		return err
	}
	require.ErrorIs(
		t, ask(hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, doctorID)), nil), identity.ErrProofRequired,
	)
	require.ErrorIs(t, ask(hmstype.WithActor(t.Context(), stale), nil), identity.ErrProofRequired)
	require.ErrorIs(t, ask(hmstype.WithActor(t.Context(), future), nil), identity.ErrProofRequired)
	require.ErrorIs(t, ask(env.Ctx, nil), identity.ErrPersonRequired)
	require.ErrorIs(t, ask(desk, nil), hmstype.ErrPermissionDenied)
	require.ErrorIs(
		t, ask(doctor, func(in *identity.BreakTheGlassInput) { in.Duration = 5 * time.Hour }), hmstype.ErrInvalid,
	)
	require.ErrorIs(t, ask(doctor, func(in *identity.BreakTheGlassInput) { in.Text = "short" }), hmstype.ErrInvalid)
	require.ErrorIs(
		t, ask(doctor, func(in *identity.BreakTheGlassInput) { in.Patient = hmstype.NewID[hmstype.PatientID]() }),
		hmstype.ErrInvalid,
	)
	require.ErrorIs(t, ask(doctor, func(in *identity.BreakTheGlassInput) {
		in.Patient = restrictedPatient(t, dbtest.New(t))
	}), hmstype.ErrInvalid,
		"another tenant's patient")
	_, err := env.DB.NewRaw(`INSERT INTO hms.break_glass (tenant_id, id, created_at, created_by, user_id, patient_id,
		reason_code, reason_text,
			purpose, status, started_at, expires_at)
		VALUES (?, gen_random_uuid(), now(), 'human:' || ?, ?, ?, 'emergency', 'hms1:raw SQL asks too much',
			'BTG', 'active', now(), now() + interval '5 hours')`, env.Tenant, doctorID.String(), doctorID, vip).Exec(t.Context())
	require.ErrorContains(t, err, "break_glass_period_check")
}

func TestService_ReviewBreakGlass(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	vip := restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor, identity.RoleAdmin)
	grant, err := s.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err)
	review := identity.ReviewBreakGlassInput{
		ID:               grant.ID,
		BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "Seen in the ER log"},
	}

	_, err = s.ReviewBreakGlass(doctor, review)
	require.ErrorIs(t, err, identity.ErrOwnReview)
	second := hmstype.Actor{
		Tenant: env.Tenant, Kind: hmstype.ActorHuman, User: env.User(t, identity.RoleAdmin).ID, Person: doctorID,
	}
	_, err = s.ReviewBreakGlass(hmstype.WithActor(t.Context(), second), review)
	require.ErrorIs(t, err, identity.ErrOwnReview, "under another account of his")
	key := hmstype.Actor{Tenant: env.Tenant, Kind: hmstype.ActorService, User: doctorID, Person: doctorID}
	_, err = s.ReviewBreakGlass(hmstype.WithActor(t.Context(), key), review)
	require.ErrorIs(t, err, identity.ErrPersonRequired, "a program judges nobody")
	for _, own := range []hmstype.Actor{hmstype.HumanActor(env.Tenant, doctorID), second, key} {
		_, err = env.DB.NewRaw(`UPDATE hms.break_glass
			SET status = 'reviewed', outcome = 'justified', reviewed_by = ?, reviewed_at = now() WHERE id = ?`,
			own.Ref(), grant.ID).Exec(t.Context())
		require.ErrorContains(t, err, "break_glass_reviewer_check", "the database holds by itself")
	}

	env.Clock.Advance(identity.ReviewWithin + time.Second)
	actor := hmstype.HumanActor(env.Tenant, doctorID)
	actor.AuthenticatedAt = env.Clock.Now()
	doctor = hmstype.WithActor(t.Context(), actor)
	_, err = s.BreakTheGlass(doctor, glass(vip))
	require.ErrorIs(t, err, identity.ErrReviewOverdue)
	waiting, err := s.ListBreakGlassGrants(env.Ctx, identity.ListBreakGlassGrantsInput{Unreviewed: true})
	require.NoError(t, err)
	require.Len(t, waiting.Items, 1)

	reviewByExactlyOne(t, env, review)
	_, err = s.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err, "free again")
	for _, change := range []string{
		"reason_text = 'something else'", "expires_at = expires_at - interval '1 minute'", "outcome = 'not-justified'",
	} {
		_, err := env.DB.NewRaw(`UPDATE hms.break_glass SET `+change+` WHERE id = ?`, grant.ID).Exec(t.Context())
		require.ErrorContains(t, err, "HM002", "what was granted stays as it was")
	}
}

// The words of a grant and of its review are about a patient: they lie sealed, and come back as
// they were written.
func TestBreakGlass_TextIsSealed(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	doctor, _ := person(t, env, identity.RoleDoctor)
	admin, _ := person(t, env, identity.RoleAdmin)
	in := glass(vip)
	in.Text = "canary: unconscious, no papers"
	grant, err := env.Identity.BreakTheGlass(doctor, in)
	require.NoError(t, err)
	require.False(t, grant.Withheld, "the grant opens the record to its holder")
	require.Equal(t, in.Text, grant.Text)
	ended, err := env.Identity.EndBreakGlass(doctor, grant.ID)
	require.NoError(t, err)
	require.True(t, ended.Withheld)
	require.Empty(t, ended.Text, "what a command shows of a restricted patient is withheld")
	reviewed, err := env.Identity.ReviewBreakGlass(admin, identity.ReviewBreakGlassInput{
		ID:               grant.ID,
		BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "canary: was right"},
	})
	require.NoError(t, err)
	list, err := env.Identity.ListBreakGlassGrants(admin, identity.ListBreakGlassGrantsInput{Patient: vip})
	require.NoError(t, err)
	require.Equal(t, []identity.BreakGlass{reviewed}, list.Items)
	require.Equal(t, in.Text, reviewed.Text)
	require.Equal(t, "canary: was right", reviewed.ReviewText)
	for _, table := range []string{"break_glass", "break_glass_status", "audit_event", "outbox"} {
		require.Zero(
			t,
			dbtest.Scalar[int](
				t, env, `SELECT count(*) FROM hms.`+table+` AS t WHERE t.tenant_id = ? AND t::text LIKE '%canary%'`, env.Tenant,
			),
			table,
		)
	}
}

// Of restricted patients a reviewer who may not see them gets ids, states, codes and instants, and
// no text; a history of one of them is refused to him, and the refusal is on the trail.
func TestBreakGlass_IsWithheld(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	in := glass(vip)
	in.Text = "canary: unconscious, no papers"
	grant, err := env.Identity.BreakTheGlass(doctor, in)
	require.NoError(t, err)
	role, err := env.Identity.CreateRole(env.Ctx,
		identity.CreateRoleInput{Name: "Reviewer", RoleDetails: identity.RoleDetails{
			Permissions: []hmstype.Permission{hmstype.PermBreakGlassReview},
		}})
	require.NoError(t, err)
	reviewer, reviewerID := person(t, env, role.Name)

	list, err := env.Identity.ListBreakGlassGrants(reviewer, identity.ListBreakGlassGrantsInput{Patient: vip})
	require.NoError(t, err)
	require.Equal(t, []identity.BreakGlass{{
		ID: grant.ID, User: doctorID, Patient: vip, Status: identity.BreakGlassActive, StartedAt: grant.StartedAt,
		ExpiresAt:         grant.ExpiresAt,
		BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonEmergency, Purpose: hmstype.PurposeEmergency},
		Version:           1, Withheld: true,
	}}, list.Items)
	review := identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "canary: was right"}
	reviewed, err := env.Identity.ReviewBreakGlass(reviewer, identity.ReviewBreakGlassInput{
		ID: grant.ID, BreakGlassReview: review,
	})
	require.NoError(t, err, "the work goes on")
	require.True(t, reviewed.Withheld)
	require.Equal(t, identity.OutcomeJustified, reviewed.Outcome)
	_, err = env.Identity.GetBreakGlassHistory(reviewer, grant.ID)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	shown, err := json.Marshal([]any{list, reviewed})
	require.NoError(t, err)
	require.NotContains(t, string(shown), "canary")

	trail, err := audit.New(env.Base).ListEvents(env.Ctx, audit.ListEventsInput{Patient: vip, User: reviewerID})
	require.NoError(t, err)
	seen := map[audit.Action]bool{}
	for _, e := range trail.Items {
		seen[e.Action] = true
	}
	require.True(
		t, seen[audit.ActionSearch] && seen["denied"], "the patient's trail tells who looked, and who was refused",
	)
}

func TestService_GetBreakGlassHistory(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	dbtest.RequireTransitions(t, env, "break_glass", identity.BreakGlassTransitions.Pairs())
	vip := restrictedPatient(t, env)
	doctor, doctorID := person(t, env, identity.RoleDoctor)
	admin, adminID := person(t, env, identity.RoleAdmin)
	grant, err := env.Identity.BreakTheGlass(doctor, glass(vip))
	require.NoError(t, err)
	require.Equal(t, 2, dbtest.Scalar[int](t, env, `SELECT count(*)
		FROM (SELECT created_at AS at FROM hms.break_glass WHERE id = ? AND started_at = created_at
		UNION ALL SELECT occurred_at FROM hms.outbox WHERE entity_id = ?) AS x
		WHERE at = ?`, grant.ID, grant.ID.String(), grant.StartedAt),
		"one instant for row, period and event")
	env.Clock.Advance(time.Minute)
	ended, err := env.Identity.EndBreakGlass(doctor, grant.ID)
	require.NoError(t, err)
	require.Equal(t, identity.BreakGlassEnded, ended.Status)
	env.Clock.Advance(time.Minute)
	reviewed, err := env.Identity.ReviewBreakGlass(admin, identity.ReviewBreakGlassInput{
		ID:               grant.ID,
		BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "Seen in the log"},
	})
	require.NoError(t, err)
	require.Equal(t, hmstype.HumanActor(env.Tenant, adminID).Ref(), reviewed.ReviewedBy)
	require.Equal(t, int64(3), reviewed.Version)
	history, err := env.Identity.GetBreakGlassHistory(admin, grant.ID)
	require.NoError(t, err)
	require.Equal(t,
		hmstype.History{Entity: "break_glass", ID: grant.ID.String(), Patient: vip, Steps: []hmstype.StatusChange{
			{From: "active", To: "ended", At: ended.EndedAt, By: hmstype.HumanActor(env.Tenant, doctorID).Ref()},
			{From: "ended", To: "reviewed", At: reviewed.ReviewedAt, By: reviewed.ReviewedBy},
		}}, history)
}
