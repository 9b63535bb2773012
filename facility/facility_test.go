package facility_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// encounters answers from the table, as the clinical package does; the rows are put there
// by SQL, because the two packages do not know each other.
type encounters struct{}

func (e encounters) PatientOf(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (hmstype.PatientID, error) {
	who, _, err := e.EncounterPatient(ctx, conn, id)
	return who, err
}

func (encounters) EncounterPatient(
	ctx context.Context, conn bun.IConn, id hmstype.EncounterID,
) (hmstype.PatientID, bool, error) {
	var who hmstype.PatientID
	var status string
	err := conn.QueryRowContext(
		ctx, `SELECT patient_id, status FROM hms.encounter WHERE id = '`+id.String()+`'`,
	).Scan(&who, &status)
	return who, status == "in-progress", dbx.NotFoundIfNoRows(err, "encounter", id)
}

type bundle struct {
	*dbtest.Env
	*facility.Service
	ward   facility.Ward
	doctor hmstype.UserID
	posted *poster
}

// poster remembers the sources that were charged.
type poster struct {
	mu   sync.Mutex
	seen map[charge.Source]time.Time
}

func (p *poster) Post(_ context.Context, _ bun.IConn, req charge.Request) (hmstype.ChargeID, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen[req.Source] = req.At
	return hmstype.NewID[hmstype.ChargeID](), nil
}

func (*poster) Reverse(context.Context, bun.IConn, charge.Source, string) error { return nil }

func setup(tb testing.TB) *bundle {
	tb.Helper()
	env := dbtest.New(tb)
	b := &bundle{
		Env: env, posted: &poster{seen: map[charge.Source]time.Time{}}, doctor: env.User(tb, identity.RoleDoctor).ID,
	}
	b.Service = facility.New(env.Base, facility.Ports{
		Patients: patient.NewPort(env.Base), Encounters: encounters{}, Charges: b.posted,
	})
	ward, err := b.CreateWard(b.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: "General", Type: "general", Capacity: 10, ServiceCode: "BED"},
	})
	require.NoError(tb, err)
	b.ward = ward
	return b
}

func (b *bundle) bed(tb testing.TB, number string) hmstype.BedID {
	tb.Helper()
	bed, err := b.CreateBed(b.Ctx, facility.CreateBedInput{
		Ward: b.ward.ID, BedDetails: facility.BedDetails{Number: number, Type: "standard"},
	})
	require.NoError(tb, err)
	return bed.ID
}

// encounter gives an open encounter of a new patient.
func (b *bundle) encounter(tb testing.TB) hmstype.EncounterID {
	tb.Helper()
	p, err := patient.New(b.Base, patient.Ports{}).Register(b.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown},
	})
	require.NoError(tb, err)
	return b.encounterOf(tb, p.ID)
}

func (b *bundle) encounterOf(tb testing.TB, who hmstype.PatientID) hmstype.EncounterID {
	tb.Helper()
	id := hmstype.NewID[hmstype.EncounterID]()
	_, err := b.DB.NewRaw(`INSERT INTO hms.encounter (tenant_id, id, patient_id, practitioner_id, class, status,
		started_at, created_at, created_by)
		VALUES (?, ?, ?, ?, 'AMB', 'in-progress', now(), now(), 'system:test')`, b.Tenant, id, who, b.doctor).Exec(b.Ctx)
	require.NoError(tb, err)
	return id
}

func (b *bundle) admit(tb testing.TB, bed hmstype.BedID) facility.Stay {
	tb.Helper()
	stay, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: b.encounter(tb), Bed: bed})
	require.NoError(tb, err)
	return stay
}

func (b *bundle) leave(tb testing.TB, stay facility.Stay) {
	tb.Helper()
	_, err := b.OrderDischarge(b.Ctx, stay.ID)
	require.NoError(tb, err)
	_, err = b.Depart(b.Ctx, facility.DepartInput{Stay: stay.ID})
	require.NoError(tb, err)
}

func (b *bundle) status(tb testing.TB, bed hmstype.BedID) facility.BedStatus {
	tb.Helper()
	return facility.BedStatus(
		dbtest.Scalar[string](tb, b.Env, `SELECT status FROM hms.bed WHERE tenant_id = ? AND id = ?`, b.Tenant, bed),
	)
}

func (b *bundle) requireClean(tb testing.TB) {
	tb.Helper()
	report, err := b.Verify(b.Ctx)
	require.NoError(tb, err)
	require.True(tb, report.Clean(), "%+v", report)
}

// wardOf gives where a patient lies, as other services ask it.
func (b *bundle) wardOf(tb testing.TB, who hmstype.PatientID) (ward hmstype.WardID) {
	tb.Helper()
	require.NoError(tb, b.InTx(tb, b.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
		ward, err = facility.NewPort(b.Base).PatientWard(ctx, db.Conn(), who)
		return err
	}))
	return ward
}

func TestService_StayLifecycle(t *testing.T) {
	t.Parallel()
	b := setup(t)
	dbtest.RequireTransitions(t, b.Env, "bed", facility.BedTransitions.Pairs())
	dbtest.RequireTransitions(t, b.Env, "stay", facility.StayTransitions.Pairs())
	one, two := b.bed(t, "1"), b.bed(t, "2")
	stay := b.admit(t, one)
	require.Equal(t, facility.BedOccupied, b.status(t, one))

	_, err := b.Depart(b.Ctx, facility.DepartInput{Stay: stay.ID})
	require.ErrorIs(t, err, facility.ErrDischargeNotOrdered)
	b.Clock.Advance(time.Hour)
	moved, err := b.Transfer(b.Ctx, facility.TransferInput{Stay: stay.ID, Bed: two, Contaminated: true})
	require.NoError(t, err)
	require.Equal(t, facility.BedContaminated, b.status(t, one))
	_, err = b.Transfer(b.Ctx, facility.TransferInput{Stay: stay.ID, Bed: two})
	require.ErrorIs(t, err, facility.ErrStayEnded)

	require.ErrorIs(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		return facility.NewPort(b.Base).BeforeFinish(ctx, db.Conn(), moved.Encounter)
	}), facility.ErrStillInBed)
	require.Equal(t, moved.Ward, b.wardOf(t, moved.Patient))
	b.leave(t, moved)
	require.Zero(t, b.wardOf(t, moved.Patient))
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		return facility.NewPort(b.Base).BeforeFinish(ctx, db.Conn(), moved.Encounter)
	}))
	for _, want := range []facility.BedStatus{facility.BedHousekeeping, facility.BedUnoccupied} {
		bed, err := b.MarkCleaned(b.Ctx, one)
		require.NoError(t, err)
		require.Equal(t, want, bed.Status)
	}
	_, err = b.MarkCleaned(b.Ctx, one)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	b.requireClean(t)

	_, err = b.Admit(dbtest.New(t).Ctx, facility.AdmitInput{Encounter: moved.Encounter, Bed: one})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.Admit(b.As(t, identity.RolePharmacist), facility.AdmitInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

// race runs the use case many times at once and counts what came of it.
func race(t *testing.T, n int, act func(i int) error) map[hmstype.Kind]int {
	t.Helper()
	var mu sync.Mutex
	kinds := map[hmstype.Kind]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := act(i)
			mu.Lock()
			kinds[hmstype.KindOf(err)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	return kinds
}

func TestService_Admit_ConcurrentLastBedGoesToOne(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bed := b.bed(t, "1")
	who := make([]hmstype.EncounterID, 64)
	for i := range who {
		who[i] = b.encounter(t)
	}
	kinds := race(t, 64, func(i int) error {
		_, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: who[i], Bed: bed})
		var taken *facility.BedTakenError
		if err != nil && !errors.As(err, &taken) {
			t.Errorf("admit: %v", err)
		}
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindPrecondition: 63}, kinds)
	b.requireClean(t)
}

func TestService_Admit_ConcurrentPatientLiesInOneBed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	encounter := b.encounter(t)
	beds := make([]hmstype.BedID, 32)
	for i := range beds {
		beds[i] = b.bed(t, string(rune('A'+i)))
	}
	kinds := race(t, 32, func(i int) error {
		_, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: encounter, Bed: beds[i]})
		if err != nil && !errors.Is(err, facility.ErrPatientInBed) {
			t.Errorf("admit: %v", err)
		}
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindPrecondition: 31}, kinds)
	b.requireClean(t)
}

func TestService_ConcurrentStorm(t *testing.T) {
	t.Parallel()
	b := setup(t)
	beds := make([]hmstype.BedID, 6)
	for i := range beds {
		beds[i] = b.bed(t, string(rune('A'+i)))
	}
	kinds := race(t, 24, func(i int) error {
		encounter := b.encounter(t)
		for range 10 {
			stay, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: encounter, Bed: beds[rand.IntN(6)]})
			if err != nil && hmstype.KindOf(err) != hmstype.KindPrecondition {
				return err
			}
			if err == nil {
				if moved, err := b.Transfer(b.Ctx, facility.TransferInput{Stay: stay.ID, Bed: beds[rand.IntN(6)]}); err == nil {
					stay = moved
				} else if k := hmstype.KindOf(err); k != hmstype.KindPrecondition && k != hmstype.KindInvalid {
					return err
				}
				if _, err := b.OrderDischarge(b.Ctx, stay.ID); err != nil {
					return err
				}
				if _, err := b.Depart(b.Ctx, facility.DepartInput{Stay: stay.ID}); err != nil {
					return err
				}
			}
			if _, err := b.MarkCleaned(
				b.Ctx, beds[rand.IntN(6)],
			); err != nil && hmstype.KindOf(err) != hmstype.KindPrecondition {
				return err
			}
			if i == 0 {
				b.Clock.Advance(time.Minute)
			}
		}
		return nil
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 24}, kinds)
	b.requireClean(t)
}

func TestBeds_AreNeverReassignedSilently(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bed, closed := b.bed(t, "1"), b.bed(t, "2")
	first := b.admit(t, bed)
	_, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: b.encounter(t), Bed: bed})
	var taken *facility.BedTakenError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, first.ID, taken.Stay, "the error says who is in the way")
	_, err = b.CloseBed(b.Ctx, closed)
	require.NoError(t, err)
	_, err = b.Admit(b.Ctx, facility.AdmitInput{Encounter: b.encounter(t), Bed: closed})
	require.ErrorIs(t, err, facility.ErrBedNotReady, "a bed under maintenance is not assigned")
	_, err = b.CloseBed(b.Ctx, bed)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "an occupied bed is not closed")
	_, err = b.Admit(b.Ctx, facility.AdmitInput{Encounter: first.Encounter, Bed: b.bed(t, "3")})
	require.ErrorIs(t, err, facility.ErrPatientInBed)
	_, err = b.OrderDischarge(b.Ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, facility.BedOccupied, b.status(t, bed), "the patient still lies there")
	_, err = b.Depart(b.Ctx, facility.DepartInput{Stay: first.ID})
	require.NoError(t, err)
	_, err = b.Admit(b.Ctx, facility.AdmitInput{Encounter: b.encounter(t), Bed: bed})
	require.ErrorIs(t, err, facility.ErrBedNotReady, "cleaning comes first")
}

func TestGuards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bed := b.bed(t, "1")
	stay := b.admit(t, bed)
	insert := `INSERT INTO hms.stay (tenant_id, id, patient_id, encounter_id, bed_id, ward_id, status, starts_at, ends_at,
		created_by, created_at)
		SELECT tenant_id, gen_random_uuid(), patient_id, encounter_id, bed_id, ward_id, 'completed',
		starts_at + interval '1 hour', starts_at + interval '2 hours', 'x', now()
		FROM hms.stay WHERE id = ?`
	for statement, state := range map[string]string{
		insert: "23P01",
		`UPDATE hms.stay SET ends_at = now(), status = 'active' WHERE id = ?`:                   "23514",
		`UPDATE hms.stay SET patient_id = gen_random_uuid() WHERE id = ?`:                       "23503",
		`UPDATE hms.bed SET status = 'U' WHERE id = (SELECT bed_id FROM hms.stay WHERE id = ?)`: "HM001",
	} {
		_, err := b.DB.NewRaw(statement, stay.ID).Exec(t.Context())
		require.Equal(t, state, dbx.SQLState(err), statement)
	}
}

func TestService_GetCensus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type span struct{ from, to time.Duration }
	var spans []span
	for i := range 20 {
		stay := b.admit(t, b.bed(t, string(rune('A'+i))))
		from := b.Clock.Now().Sub(dbtest.Start)
		b.Clock.Advance(time.Duration(rand.IntN(72)) * time.Hour)
		to := time.Duration(-1)
		if i%3 != 0 {
			b.leave(t, stay)
			to = b.Clock.Now().Sub(dbtest.Start)
		}
		spans = append(spans, span{from, to})
	}
	for h := -1; h < 24*60; h += 7 {
		at := time.Duration(h) * time.Hour
		want := 0
		for _, s := range spans {
			if s.from <= at && (s.to < 0 || at < s.to) {
				want++
			}
		}
		census, err := b.GetCensus(b.Ctx, facility.GetCensusInput{At: dbtest.Start.Add(at)})
		require.NoError(t, err)
		require.Equal(t, want, census[0].Patients, "at %v", at)
		require.Equal(t, 20, census[0].Beds)
	}
}

func TestBedDays(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	at := func(day, hour, minute int) time.Time {
		return time.Date(2026, time.March, day, hour, minute, 0, 0, berlin)
	}
	for name, tt := range map[string]struct {
		stay       hmstype.Period
		asOf       time.Time
		discharged bool
		want       int
	}{
		"OneNight":             {hmstype.Period{Start: at(3, 14, 0), End: at(4, 10, 0)}, at(9, 0, 0), true, 1},
		"24h20min":             {hmstype.Period{Start: at(3, 14, 0), End: at(4, 14, 20)}, at(9, 0, 0), true, 1},
		"TwoNights":            {hmstype.Period{Start: at(3, 23, 59), End: at(5, 0, 1)}, at(9, 0, 0), true, 2},
		"DayCase":              {hmstype.Period{Start: at(3, 8, 0), End: at(3, 18, 0)}, at(9, 0, 0), true, 1},
		"DayCaseThenTransfer":  {hmstype.Period{Start: at(3, 8, 0), End: at(3, 18, 0)}, at(9, 0, 0), false, 0},
		"EndsAtMidnight":       {hmstype.Period{Start: at(3, 8, 0), End: at(4, 0, 0)}, at(9, 0, 0), true, 1},
		"StartsAtMidnight":     {hmstype.Period{Start: at(4, 0, 0), End: at(4, 9, 0)}, at(9, 0, 0), true, 1},
		"StillThere":           {hmstype.Period{Start: at(3, 8, 0)}, at(6, 8, 0), false, 3},
		"NotYetMidnight":       {hmstype.Period{Start: at(3, 8, 0)}, at(3, 20, 0), false, 0},
		"OverTheChangeOfClock": {hmstype.Period{Start: at(28, 20, 0), End: at(30, 9, 0)}, at(31, 0, 0), true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Len(t, facility.BedDays(tt.stay, tt.asOf, berlin, tt.discharged), tt.want)
		})
	}
}

func TestService_PostBedDays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, two := b.bed(t, "1"), b.bed(t, "2")
	stay := b.admit(t, one)
	b.Clock.Advance(20 * time.Hour)
	moved, err := b.Transfer(b.Ctx, facility.TransferInput{Stay: stay.ID, Bed: two})
	require.NoError(t, err)
	b.Clock.Advance(20 * time.Hour)
	b.leave(t, moved)
	for range 2 {
		n, err := b.PostBedDays(b.Ctx, facility.PostBedDaysInput{AsOf: b.Clock.Now()})
		require.NoError(t, err)
		require.Equal(t, 2, n)
	}
	require.Len(t, b.posted.seen, 2, "two nights, one in each bed, charged once each")
}

func BenchmarkService_Admit(bench *testing.B) {
	b := setup(bench)
	bed := b.bed(bench, "1")
	encounter := b.encounter(bench)
	for bench.Loop() {
		stay, err := b.Admit(b.Ctx, facility.AdmitInput{Encounter: encounter, Bed: bed})
		require.NoError(bench, err)
		b.leave(bench, stay)
		_, err = b.MarkCleaned(b.Ctx, bed)
		require.NoError(bench, err)
	}
}
