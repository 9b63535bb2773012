package leak_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// What a break-glass grant opens in a list, and what a grant opens in the result of a command, stands
// on the trail under the grant, as what it opens in a read does: its reviewer judges by that.
func TestBreakTheGlass_AListIsOnTheTrailUnderTheGrant(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	p := env.Patient(t)
	start := env.Now().Add(time.Hour)
	booked, err := env.H.Scheduling.Book(env.Ctx, scheduling.BookInput{
		Patient: p.ID, Practitioner: env.User(t, identity.RoleDoctor),
		Period:             hmstype.Period{Start: start, End: start.Add(time.Hour)},
		AppointmentDetails: scheduling.AppointmentDetails{Reason: "a secret"},
	})
	require.NoError(t, err)
	closed := patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true}
	_, err = env.H.Patient.SetRestricted(env.Ctx, closed)
	require.NoError(t, err)
	actor := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleDoctor))
	actor.AuthenticatedAt = env.Now()
	doctor := hmstype.WithActor(t.Context(), actor)
	list := func() scheduling.Appointment {
		found, err := env.H.Scheduling.ListAppointments(doctor,
			scheduling.ListAppointmentsInput{Day: hmstype.DateOf(start, time.UTC)})
		require.NoError(t, err)
		require.Len(t, found.Items, 1)
		return found.Items[0]
	}
	under := func() (grants []hmstype.BreakGlassID, purposes []hmstype.PurposeOfUse) {
		trail, err := env.H.Audit.ListEvents(env.Ctx,
			audit.ListEventsInput{Patient: p.ID, Actions: []audit.Action{audit.ActionSearch}})
		require.NoError(t, err)
		for _, e := range trail.Items {
			if e.Operation == "clinical.list_appointments" {
				grants, purposes = append(grants, e.BreakGlass), append(purposes, e.Purpose)
			}
		}
		return grants, purposes
	}
	require.True(t, list().Withheld)
	grants, _ := under()
	require.Equal(t, []hmstype.BreakGlassID{{}}, grants, "nothing was opened")

	grant, err := env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
		Patient:           p.ID,
		BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonEmergency, Text: "Unconscious in the ER"},
	})
	require.NoError(t, err)
	require.Equal(t, "a secret", list().Reason)
	grants, purposes := under()
	require.ElementsMatch(t, []hmstype.BreakGlassID{{}, grant.ID}, grants)
	require.Contains(t, purposes, hmstype.PurposeEmergency)

	here, err := env.H.Scheduling.CheckIn(doctor, booked.ID)
	require.NoError(t, err)
	require.Equal(t, "a secret", here.Reason)
	trail, err := env.H.Audit.ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: p.ID, Actions: []audit.Action{audit.ActionRead}})
	require.NoError(t, err)
	last := trail.Items[0]
	require.Equal(t, "clinical.check_in", last.Operation)
	require.Equal(t, grant.ID, last.BreakGlass)
}
