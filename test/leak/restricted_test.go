package leak_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// Every way of reading one patient's data refuses those of a restricted patient, whatever
// package it is in, and the refusal is on the trail.
func TestRestrictedPatient_IsRefusedEverywhere(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	env.Service(t, "TAB", "0.25")
	stock := env.Stock(t, 100, "TAB")
	rx := fixture.Prescription(t, env, stock.Item, 20, 0)
	d, err := env.H.Pharmacy.Dispense(env.Ctx,
		pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20})
	require.NoError(t, err)
	bill, err := env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: rx.Patient})
	require.NoError(t, err)
	p, err := env.H.Patient.Get(env.Ctx, rx.Patient)
	require.NoError(t, err)
	_, err = env.H.Patient.SetRestricted(env.Ctx,
		patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(t, err)

	doctor, pharmacist := env.As(t, identity.RoleDoctor), env.As(t, identity.RolePharmacist)
	desk := env.As(t, identity.RoleCashier)
	reads := map[string]func(ctx context.Context) error{
		"patient":   func(ctx context.Context) error { _, err := env.H.Patient.Get(ctx, p.ID); return err },
		"encounter": func(ctx context.Context) error { _, err := env.H.Clinical.GetEncounter(ctx, rx.Encounter); return err },
		"allergies": func(ctx context.Context) error { _, err := env.H.Clinical.ListAllergies(ctx, p.ID); return err },
		"notes": func(ctx context.Context) error {
			_, err := env.H.Clinical.ListEncounterNotes(ctx, rx.Encounter)
			return err
		},
		"prescription": func(ctx context.Context) error { _, err := env.H.Clinical.GetPrescription(ctx, rx.ID); return err },
		"dispense":     func(ctx context.Context) error { _, err := env.H.Pharmacy.GetDispense(ctx, d.ID); return err },
		"bill":         func(ctx context.Context) error { _, err := env.H.Billing.GetBill(ctx, bill.ID); return err },
	}
	who := map[string]context.Context{"dispense": pharmacist, "bill": desk}
	for name, read := range reads {
		ctx := who[name]
		if ctx == nil {
			ctx = doctor
		}
		require.ErrorIs(t, read(ctx), patient.ErrRestricted, name)
		require.NoError(t, read(env.As(t, identity.RoleAdmin)), name)
	}
	trail, err := env.H.Audit.ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: p.ID, Actions: []audit.Action{audit.ActionDenied}})
	require.NoError(t, err)
	require.Len(t, trail.Items, len(reads))

	// Work on the patient goes on: it is what is shown that is restricted.
	_, err = env.H.Clinical.RecordAllergy(doctor, clinical.RecordAllergyInput{
		Patient: p.ID, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Latex"}},
	})
	require.NoError(t, err)
}

// Lists and results of commands leave a restricted patient's rows but withhold what they say; a
// break-glass grant opens them, as it opens a read.
func TestRestrictedPatient_IsWithheldUntilTheGlassIsBroken(t *testing.T) {
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
	p, err = env.H.Patient.Get(env.Ctx, p.ID)
	require.NoError(t, err)
	_, err = env.H.Patient.SetRestricted(env.Ctx,
		patient.SetRestrictedInput{ID: p.ID, Version: p.Version, Restricted: true})
	require.NoError(t, err)

	actor := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleDoctor))
	actor.AuthenticatedAt = env.Now()
	doctor := hmstype.WithActor(t.Context(), actor)
	day := scheduling.ListAppointmentsInput{Day: hmstype.DateOf(start, time.UTC)}
	list, err := env.H.Scheduling.ListAppointments(doctor, day)
	require.NoError(t, err)
	require.Len(t, list.Items, 1, "the time is taken all the same")
	require.True(t, list.Items[0].Withheld)
	require.Empty(t, list.Items[0].Reason)
	here, err := env.H.Scheduling.CheckIn(doctor, booked.ID)
	require.NoError(t, err, "work goes on")
	require.Equal(t, scheduling.AppointmentCheckedIn, here.Status)
	require.True(t, here.Withheld)
	require.Empty(t, here.Reason)

	_, err = env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
		Patient: p.ID, BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	})
	require.NoError(t, err)
	list, err = env.H.Scheduling.ListAppointments(doctor, day)
	require.NoError(t, err)
	require.False(t, list.Items[0].Withheld)
	require.Equal(t, "a secret", list.Items[0].Reason)
}
