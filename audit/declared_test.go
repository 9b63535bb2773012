package audit_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

// clerkOf gives somebody with the permissions who sees no restricted record.
func clerkOf(t *testing.T, env *dbtest.Env, permissions ...hmstype.Permission) context.Context {
	t.Helper()
	_, err := env.Identity.CreateRole(env.Ctx,
		identity.CreateRoleInput{Name: "Clerk", RoleDetails: identity.RoleDetails{Permissions: permissions}})
	require.NoError(t, err)
	return env.As(t, "Clerk")
}

func requireNoCanary(t *testing.T, result any, words ...string) {
	t.Helper()
	body, err := json.Marshal(result)
	require.NoError(t, err)
	for _, word := range words {
		require.NotContains(t, string(body), word)
	}
}

// accessesOf counts a patient's events of an operation and an action.
func accessesOf(t *testing.T, env *dbtest.Env, p hmstype.PatientID, operation string, action audit.Action) int {
	t.Helper()
	return dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND patient_id = ? AND operation = ? AND action = ?`, env.Tenant, p, operation, action)
}

// Work on a restricted patient's disclosures goes on; what was said in them is shown to nobody who
// may not see it.
func TestService_DisclosuresOfRestrictedAreWithheld(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip := register(t, env, "Known", true)
	clerk := clerkOf(t, env, hmstype.PermDisclose, hmstype.PermAuditRead)
	said := []string{"County Health Office", "Main Street", "Tuberculosis", "notification", "Dr. Who", "State Police",
		"inquiry"}
	in := policing(vip)
	in.IdempotencyKey = "form 1"
	d, err := s.RecordDisclosure(clerk, in)
	require.NoError(t, err)
	require.True(t, d.Withheld)
	require.Equal(t, audit.DisclosureRecorded, d.Status)
	require.Equal(t, vip, d.Patient)
	requireNoCanary(t, d, said...)
	require.Zero(t, accessesOf(t, env, vip, "audit.record_disclosure", audit.ActionSearch))

	again, err := s.RecordDisclosure(clerk, in)
	require.NoError(t, err)
	require.Equal(t, d, again, "a repeated key asks for the restriction again")
	require.Equal(t, 1, accessesOf(t, env, vip, "audit.record_disclosure", audit.ActionSearch),
		"and its answer is recorded")
	d, err = s.SuspendDisclosure(clerk,
		audit.SuspendDisclosureInput{ID: d.ID, Version: d.Version, Suspension: suspension()})
	require.NoError(t, err)
	require.True(t, d.Withheld)
	requireNoCanary(t, d, said...)
	d, err = s.EnterDisclosureInError(clerk,
		audit.EnterDisclosureInErrorInput{ID: d.ID, Version: d.Version, Reason: "of a Twin"})
	require.NoError(t, err)
	require.Equal(t, audit.DisclosureInError, d.Status)
	requireNoCanary(t, d, append(said, "Twin")...)
	_, err = s.GetDisclosureHistory(clerk, d.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)

	whole, err := s.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: vip, ForStaff: true})
	require.NoError(t, err)
	require.Len(t, whole.Items, 1)
	require.Equal(t, "Tuberculosis test, positive", whole.Items[0].Description)
	require.False(t, whole.Items[0].Withheld)
}

func TestService_GetDisclosureHistory(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Wrong", false)
	d, err := s.RecordDisclosure(env.Ctx, disclosing(p))
	require.NoError(t, err)
	history, err := s.GetDisclosureHistory(env.Ctx, d.ID)
	require.NoError(t, err)
	require.Empty(t, history.Steps, "its making is no step")
	wrong, err := s.EnterDisclosureInError(env.Ctx,
		audit.EnterDisclosureInErrorInput{ID: d.ID, Version: d.Version, Reason: "Another patient's"})
	require.NoError(t, err)
	require.Equal(t, dbtest.Start, d.RecordedAt)
	history, err = s.GetDisclosureHistory(env.Ctx, d.ID)
	require.NoError(t, err)
	require.Equal(t, hmstype.History{
		Entity: "disclosure", ID: d.ID.String(), Patient: p, Steps: []hmstype.StatusChange{{
			From: "recorded", To: "entered-in-error", At: wrong.ErrorAt, By: wrong.ErrorBy, Reason: "Another patient's",
		}},
	}, history)
	_, err = s.GetDisclosureHistory(env.Ctx, hmstype.NewID[hmstype.DisclosureID]())
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// Why the data of a restricted patient are held is withheld; that they are is not.
func TestService_LegalHoldsOfRestrictedAreWithheld(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip, other := register(t, env, "Known", true), register(t, env, "Other", false)
	clerk := clerkOf(t, env, hmstype.PermAuditRetain)
	hold, err := s.PlaceLegalHold(clerk, holding(vip, "Canary versus hospital"))
	require.NoError(t, err)
	require.True(t, hold.Withheld)
	requireNoCanary(t, hold, "Canary")
	require.Equal(t, hmstype.ActorHuman, hold.PlacedBy.Kind)
	_, err = s.PlaceLegalHold(clerk, holding(other, "case 2"))
	require.NoError(t, err)
	_, err = s.PlaceLegalHold(clerk, holding(hmstype.PatientID{}, "case 3"))
	require.NoError(t, err)

	list, err := s.ListLegalHolds(clerk, audit.ListLegalHoldsInput{})
	require.NoError(t, err)
	require.Len(t, list.Items, 3)
	for _, h := range list.Items {
		require.Equal(t, h.Patient == vip, h.Withheld)
		require.Equal(t, h.Withheld, h.Reason == "")
		require.True(t, h.InForce())
	}
	requireNoCanary(t, list, "Canary")
	require.Equal(t, 1, accessesOf(t, env, vip, "audit.list_legal_holds", audit.ActionSearch))
	hold, err = s.ReleaseLegalHold(clerk, audit.ReleaseLegalHoldInput{ID: hold.ID, Reason: "Canary settled"})
	require.NoError(t, err)
	require.False(t, hold.InForce())
	requireNoCanary(t, hold, "Canary")
	require.Equal(t, "Canary versus hospitalCanary settled",
		dbtest.Scalar[string](t, env, `SELECT reason || release_reason FROM hms.legal_hold WHERE id = ?`, hold.ID))
}

func holding(p hmstype.PatientID, reason string) audit.PlaceLegalHoldInput {
	return audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: p, Reason: reason}}
}

// Of a restricted patient the trail tells that somebody did something, and who; an export over many
// is not stopped by him, and an export of his is refused.
func TestService_ExportWithholds(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip, other := register(t, env, "Known", true), register(t, env, "Other", false)
	clerk := auditor(t, env)
	query := audit.ListEventsInput{Entity: "patient", Actions: []audit.Action{audit.ActionCreate},
		Page: hmstype.Page{Limit: 1}}
	found := map[hmstype.PatientID]audit.Event{}
	for e, err := range s.ExportEvents(clerk, audit.ExportEventsInput(query)) {
		require.NoError(t, err)
		found[e.Patient] = e
	}
	require.Len(t, found, 2)
	require.False(t, found[other].Withheld)
	e := found[vip]
	require.True(t, e.Withheld)
	require.Nil(t, e.Changes)
	require.Equal(t, audit.ActionCreate, e.Action)
	require.Equal(t, "patient", e.Entity)
	require.Equal(t, vip.String(), e.EntityID)
	require.Equal(t, "patient.register", e.Operation)
	require.Equal(t, hmstype.ActorRef{Kind: hmstype.ActorSystem, Name: "test"}, e.Actor)
	require.False(t, e.RecordedAt.IsZero())
	require.Equal(t, map[string]int{"": 1, other.String(): 1}, exports(t, env), "of the restricted patient nothing left")
	require.Equal(t, 1, accessesOf(t, env, vip, "audit.export_events", audit.ActionSearch)+accessesOf(t, env, vip,
		"audit.export_page", audit.ActionSearch))

	exposed, err := s.ListExposures(clerk, audit.ListExposuresInput{Actor: "system:test", During: always()})
	require.NoError(t, err)
	require.Len(t, exposed.Items, 2)
	for _, x := range exposed.Items {
		require.Equal(t, x.Patient == vip, x.Withheld)
		require.Equal(t, x.Withheld, x.Entities == nil)
		require.Positive(t, x.Events)
	}
}

// Whoever writes SQL may call himself anything; the trail is shown all the same.
func TestService_TrailOfStrangeActors(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Known", false)
	for actor, want := range map[string]hmstype.ActorRef{
		"database:root": {Kind: hmstype.ActorDatabase, Name: "root"},
		"human:me":      {Kind: hmstype.ActorDatabase, Name: "human:me"},
		"nobody at all": {Kind: hmstype.ActorDatabase, Name: "nobody at all"},
	} {
		insert(t, env, t.Context(), env.Clock.Now(), actor, "read", p, "")
		list, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Actor: actor})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
		require.Equal(t, want, list.Items[0].Actor)
	}
}

// A hold, its columns and its event have one instant and one author, a program's person among them.
func TestService_LegalHoldIsPlacedOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	user, owner := env.User(t, identity.RoleAdmin), env.User(t)
	program := hmstype.WithActor(t.Context(),
		hmstype.Actor{Tenant: env.Tenant, Kind: hmstype.ActorService, User: user.ID, Person: owner.ID})
	hold, err := s.PlaceLegalHold(program, holding(hmstype.PatientID{}, "case 1"))
	require.NoError(t, err)
	require.Equal(t, hmstype.ActorRef{Kind: hmstype.ActorService, User: user.ID, Person: owner.ID}, hold.PlacedBy)
	require.Equal(t, dbtest.Start, hold.PlacedAt)
	list, err := s.ListLegalHolds(env.Ctx, audit.ListLegalHoldsInput{InForce: true})
	require.NoError(t, err)
	require.Equal(t, []audit.LegalHold{hold}, list.Items)
	trail, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Entity: "legal_hold", User: user.ID})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1, "the trail names the account")
}
