package clinical_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// till notes what it is asked to charge; it stands for the finance side.
type till struct {
	posted   []charge.Request
	reversed []charge.Source
	refuse   error
}

func (p *till) Post(_ context.Context, _ bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	p.posted = append(p.posted, req)
	return hmstype.NewID[hmstype.ChargeID](), p.refuse
}

func (p *till) Reverse(_ context.Context, _ bun.IConn, source charge.Source, _ string) error {
	p.reversed = append(p.reversed, source)
	return nil
}

// countWins runs fn n times at once and counts those that succeed; the others must fail
// with the error that is expected of losers.
func countWins(t *testing.T, n int, lost error, fn func(int) error) int {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	wins := 0
	for i := range n {
		wg.Go(func() {
			err := fn(i)
			if err != nil && !errors.Is(err, lost) {
				t.Errorf("want %v, got %v", lost, err)
			}
			if err == nil {
				mu.Lock()
				wins++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return wins
}

func TestService_OpenEncounter_ConcurrentOneInpatient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wins := countWins(t, 64, clinical.ErrAlreadyInpatient, func(int) error {
		_, err := b.OpenEncounter(
			b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient},
		)
		return err
	})
	require.Equal(t, 1, wins)
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.encounter WHERE tenant_id = ?`, b.Tenant))
}

func TestService_OpenEncounter_ConcurrentFulfilsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a, err := b.calendar.Book(
		b.Ctx, scheduling.BookInput{Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour)},
	)
	require.NoError(t, err)
	_, err = b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: a.ID, Class: clinical.ClassAmbulatory})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "nobody has checked in")
	_, err = b.calendar.CheckIn(b.Ctx, a.ID)
	require.NoError(t, err)
	_, err = b.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Appointment: a.ID, Patient: b.newPatient(t), Class: clinical.ClassAmbulatory},
	)
	require.ErrorIs(t, err, hmstype.ErrInvalid, "another patient's appointment")
	wins := countWins(t, 32, hmstype.ErrInvalidTransition, func(int) error {
		_, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{Appointment: a.ID, Class: clinical.ClassAmbulatory})
		return err
	})
	require.Equal(t, 1, wins)
}

func TestService_OpenEncounter_NamesTheStay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stay := b.open(t, clinical.ClassInpatient)
	_, err := b.OpenEncounter(
		b.Ctx, clinical.OpenEncounterInput{Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient},
	)
	var already *clinical.AlreadyInpatientError
	require.ErrorAs(t, err, &already)
	require.Equal(t, stay.ID, already.Encounter)
	require.Equal(t, stay.Period.Start, already.Since)

	b.open(t, clinical.ClassAmbulatory) // a visit beside a stay is no conflict
	planned, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient, Status: clinical.EncounterPlanned,
	})
	require.NoError(t, err, "a later stay may be planned")
	_, err = b.MoveEncounter(b.Ctx, clinical.MoveEncounterInput{ID: planned.ID, Status: clinical.EncounterArrived})
	require.ErrorIs(t, err, clinical.ErrAlreadyInpatient)
	_, err = b.FinishEncounter(
		b.Ctx, clinical.FinishEncounterInput{ID: stay.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"}},
	)
	require.NoError(t, err)
	b.Clock.Advance(time.Hour)
	arrived, err := b.MoveEncounter(b.Ctx, clinical.MoveEncounterInput{ID: planned.ID, Status: clinical.EncounterArrived})
	require.NoError(t, err)
	require.Equal(t, b.Clock.Now(), arrived.Period.Start, "a planned encounter begins with the arrival")
}

func TestService_GetEncounterHistory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassEmergency, Status: clinical.EncounterArrived,
		IdempotencyKey: "k",
	})
	require.NoError(t, err)
	for _, status := range []clinical.EncounterStatus{
		clinical.EncounterTriaged, clinical.EncounterInProgress, clinical.EncounterOnLeave, clinical.EncounterInProgress,
	} {
		b.Clock.Advance(time.Minute)
		_, err = b.MoveEncounter(b.Ctx, clinical.MoveEncounterInput{ID: e.ID, Status: status})
		require.NoError(t, err)
	}
	_, err = b.MoveEncounter(b.Ctx, clinical.MoveEncounterInput{ID: e.ID, Status: clinical.EncounterTriaged})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = b.CancelEncounter(b.Ctx, clinical.CancelEncounterInput{ID: e.ID, Reason: "left"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "treatment has begun")
	_, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{ID: e.ID})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "a disposition is required")
	b.Clock.Advance(time.Minute)
	_, err = b.FinishEncounter(
		b.Ctx, clinical.FinishEncounterInput{ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"}},
	)
	require.NoError(t, err)
	history, err := b.GetEncounterHistory(b.Ctx, e.ID)
	require.NoError(t, err)
	states := []string{string(e.Status)}
	for i, step := range history.Steps {
		require.Equal(t, states[len(states)-1], step.From)
		states = append(states, step.To)
		require.Equal(t, dbtest.Start.Add(time.Duration(i+1)*time.Minute), step.At)
		require.Equal(t, "system:test", step.By.String())
	}
	require.Equal(t, []string{"arrived", "triaged", "in-progress", "onleave", "in-progress", "finished"}, states)
}

func TestService_FinishEncounter_Charges(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	finance := &till{}
	b := &bundle{
		Env: env,
		Service: clinical.New(
			env.Base, clinical.Ports{Patients: patient.NewPort(env.Base), Charges: finance, ConsultationService: "CONS"},
		),
	}
	b.patient, b.doctor = b.newPatient(t), env.User(t, identity.RoleDoctor).ID

	e := b.open(t, clinical.ClassAmbulatory)
	finish := clinical.FinishEncounterInput{
		ID: e.ID, IdempotencyKey: "k", EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	}
	for range 2 {
		_, err := b.FinishEncounter(b.Ctx, finish)
		require.NoError(t, err)
	}
	require.Len(t, finance.posted, 1, "the same key charges once")
	require.Equal(t, "CONS", finance.posted[0].Service)
	require.Equal(t, charge.Source{Kind: "encounter", ID: e.ID.String()}, finance.posted[0].Source)
	require.Equal(t, e.ID, finance.posted[0].Encounter)

	special, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{Service: "SPEC"},
	})
	require.NoError(t, err)
	finance.refuse = hmstype.Invalid("service", "unknown")
	_, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{
		ID: special.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	got, err := b.GetEncounter(b.Ctx, special.ID)
	require.NoError(t, err)
	require.Equal(t, clinical.EncounterInProgress, got.Status, "no charge, no end")
	finance.refuse = nil
	_, err = b.FinishEncounter(b.Ctx, clinical.FinishEncounterInput{
		ID: special.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
	require.NoError(t, err)
	require.Equal(t, "SPEC", finance.posted[2].Service)

	_, err = b.EnterEncounterInError(b.Ctx, clinical.EnterEncounterInErrorInput{ID: special.ID, Reason: "another patient"})
	require.NoError(t, err)
	require.Equal(t, []charge.Source{{Kind: "encounter", ID: special.ID.String()}}, finance.reversed)
	_, err = b.EnterEncounterInError(b.Ctx, clinical.EnterEncounterInErrorInput{ID: special.ID, Reason: "again"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_EnterEncounterInError_AsksGuards(t *testing.T) {
	t.Parallel()
	guard := &veto{err: hmstype.ErrPrecondition}
	b := setup(t, guard)
	e := b.open(t, clinical.ClassInpatient)
	_, err := b.EnterEncounterInError(b.Ctx, clinical.EnterEncounterInErrorInput{ID: e.ID, Reason: "x"})
	require.ErrorIs(t, err, hmstype.ErrPrecondition)
	_, err = b.CancelEncounter(b.As(t, identity.RolePharmacist), clinical.CancelEncounterInput{ID: e.ID, Reason: "x"})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_EncounterPatient(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	ask := func(ctx context.Context, id hmstype.EncounterID) (who hmstype.PatientID, open bool, err error) {
		err = b.InTx(t, ctx, func(ctx context.Context, db dbx.DB) (err error) {
			who, open, err = clinical.NewPort(b.Base).EncounterPatient(ctx, db.Conn(), id)
			return err
		})
		return who, open, err
	}
	who, open, err := ask(b.Ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, b.patient, who)
	require.True(t, open)
	_, err = b.FinishEncounter(
		b.Ctx, clinical.FinishEncounterInput{ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"}},
	)
	require.NoError(t, err)
	_, open, err = ask(b.Ctx, e.ID)
	require.NoError(t, err)
	require.False(t, open)
	_, _, err = ask(dbtest.New(t).Ctx, e.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_ListEncounters_PagesNewestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var want []hmstype.EncounterID
	for range 5 {
		want = append([]hmstype.EncounterID{b.open(t, clinical.ClassAmbulatory).ID}, want...)
		b.Clock.Advance(time.Minute)
	}
	var got []hmstype.EncounterID
	in := clinical.OfPatient{Patient: b.patient, Page: hmstype.Page{Limit: 2}}
	for {
		list, err := b.ListEncounters(b.As(t, identity.RoleNurse), clinical.ListEncountersInput(in))
		require.NoError(t, err)
		for _, e := range list.Items {
			got = append(got, e.ID)
		}
		if in.Page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	require.Equal(t, want, got)
	require.Equal(t, 3, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'read' AND entity = 'encounter' AND patient_id = ?`, b.Tenant, b.patient))
}
