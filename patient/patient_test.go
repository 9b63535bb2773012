package patient_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// person gives the input for somebody who differs from everybody else.
func person(last string) patient.RegisterInput {
	return patient.RegisterInput{Details: patient.Details{
		FirstName: "Ada", LastName: last, BirthDate: hmstype.NewDate(1980, time.May, 17),
		BirthDatePrecision: patient.PrecisionDay, Gender: patient.GenderFemale,
	}}
}

func TestService_Register(t *testing.T) {
	t.Parallel()

	t.Run("KeepsWhatWasTold", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		s := patient.New(env.Base, patient.Ports{})
		in := person("Núñez-O'Brien 289")
		in.PhoneNumber, in.Email, in.Address = "+254 700 000000", "ada@example.org", "1 Long Street\nNairobi"
		in.EmergencyContactName, in.EmergencyContactPhone = "Bob", "12345"
		in.Identifiers = []patient.Identifier{{System: "urn:national", Value: "AB 12 c"}}
		p, err := s.Register(env.As(t, identity.RoleReceptionist), in)
		require.NoError(t, err)
		require.True(t, patient.ValidMRN(p.MRN))
		require.Equal(t, in.Details, p.Details)

		found, err := s.GetByMRN(env.Ctx, p.MRN)
		require.NoError(t, err)
		require.Equal(t, p, found)
		list, err := s.Search(env.Ctx, patient.SearchInput{Identifier: &patient.Identifier{Value: "ab12C"}})
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
	})

	t.Run("SameKeyRegistersOnce", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		s := patient.New(env.Base, patient.Ports{})
		in := person("Lovelace")
		in.IdempotencyKey = "k1"
		first, err := s.Register(env.Ctx, in)
		require.NoError(t, err)
		again, err := s.Register(env.Ctx, in)
		require.NoError(t, err)
		require.Equal(t, first, again)
	})
}

func TestService_Register_More(t *testing.T) {
	t.Parallel()

	t.Run("DuplicateNeedsAReason", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		s := patient.New(env.Base, patient.Ports{})
		in := person("Müller")
		in.PhoneNumber = "+254 700 000001"
		first, err := s.Register(env.Ctx, in)
		require.NoError(t, err)
		namesake := person("MULLER")
		namesake.PhoneNumber = "+254 700 000002"
		_, err = s.Register(env.Ctx, namesake)
		var duplicate *patient.DuplicateError
		require.ErrorAs(t, err, &duplicate)
		require.Equal(t, []hmstype.PatientID{first.ID}, duplicate.Candidates)
		require.Equal(t, hmstype.KindAlreadyExists, hmstype.KindOf(err))
		namesake.OverrideReason = "another person, passport seen"
		_, err = s.Register(env.Ctx, namesake)
		require.NoError(t, err)
	})

	t.Run("IdentifierTakenChangesNothing", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		s := patient.New(env.Base, patient.Ports{})
		in := person("A")
		in.Identifiers = []patient.Identifier{{System: "urn:x", Value: "1"}}
		_, err := s.Register(env.Ctx, in)
		require.NoError(t, err)
		in.LastName = "B"
		_, err = s.Register(env.Ctx, in)
		require.ErrorIs(t, err, patient.ErrIdentifierTaken)
		require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.patient WHERE tenant_id = ?`, env.Tenant))
	})

	t.Run("FutureBirthRefused", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		in := person("Tomorrow")
		in.BirthDate = hmstype.DateOf(env.Clock.Now(), time.UTC).AddDays(1)
		_, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	})

	t.Run("NeedsPermission", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		_, err := patient.New(env.Base, patient.Ports{}).Register(env.As(t, identity.RoleLabTechnician), person("A"))
		require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	})
}

func TestService_Register_ConcurrentNumbersAreGapless(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			in := person(strings.Repeat("x", i+1))
			in.BirthDate = in.BirthDate.AddDays(i)
			if _, err := s.Register(env.Ctx, in); err != nil {
				t.Errorf("register: %v", err)
			}
		})
	}
	wg.Wait()
	require.Equal(
		t, 64, dbtest.Scalar[int](t, env, `SELECT count(DISTINCT mrn) FROM hms.patient WHERE tenant_id = ?`, env.Tenant),
	)
	require.Equal(
		t, int64(64),
		dbtest.Scalar[int64](
			t, env, `SELECT value FROM hms.counter WHERE tenant_id = ? AND name = 'patient.mrn'`, env.Tenant,
		),
	)
}

func TestService_Register_ConcurrentDesksRegisterAPersonOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[hmstype.Kind]int{}
	for range 16 {
		wg.Go(func() {
			_, err := s.Register(env.Ctx, person("Same"))
			mu.Lock()
			outcomes[hmstype.KindOf(err)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindAlreadyExists: 15}, outcomes)
}

func TestService_Search(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	for _, last := range []string{"Smith", "Smythe", "O'Neill", "Smith-Jones"} {
		_, err := s.Register(env.Ctx, person(last))
		require.NoError(t, err)
	}
	secret := person("Smithson")
	secret.Restricted = true
	hidden, err := s.Register(env.Ctx, secret)
	require.NoError(t, err)

	for query, want := range map[string]int{
		"smi": 3, "SMITH": 3, "smith jon": 1, "ada smith": 3, "oneill": 1, "O'Neill": 1, "nobody": 0, "sm": 4,
	} {
		list, err := s.Search(env.Ctx, patient.SearchInput{Name: query})
		require.NoError(t, err)
		require.Len(t, list.Items, want, query)
		for _, p := range list.Items {
			require.NotEqual(t, hmstype.PatientID{}, p.ID)
		}
	}
	clerk := env.As(t, identity.RoleReceptionist)
	list, err := s.Search(clerk, patient.SearchInput{Name: "smithson"})
	require.NoError(t, err)
	require.Empty(t, list.Items, "a restricted record is not found")
	_, err = s.Get(clerk, hidden.ID)
	require.ErrorIs(t, err, patient.ErrRestricted)
	_, err = s.Get(env.As(t, identity.RoleAdmin), hidden.ID)
	require.NoError(t, err)

	for _, in := range []patient.SearchInput{{}, {Name: "'"}, {Name: "- -"}} {
		_, err := s.Search(env.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	}

	t.Run("IsRecordedForEachPatientShown", func(t *testing.T) {
		t.Parallel()
		env := dbtest.New(t)
		s := patient.New(env.Base, patient.Ports{})
		p, err := s.Register(env.Ctx, person("Seen"))
		require.NoError(t, err)
		nurse := env.As(t, identity.RoleNurse)
		_, err = s.Search(nurse, patient.SearchInput{Name: "seen"})
		require.NoError(t, err)
		_, err = s.Get(nurse, p.ID)
		require.NoError(t, err)
		trail, err := audit.New(env.Base).ListEvents(env.Ctx, audit.ListEventsInput{
			Patient: p.ID, Actions: []audit.Action{audit.ActionRead, audit.ActionSearch},
		})
		require.NoError(t, err)
		require.Len(t, trail.Items, 2)
	})
}

func TestService_Update(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Before"))
	require.NoError(t, err)
	in := patient.UpdateInput{ID: p.ID, Version: p.Version, Details: p.Details}
	in.LastName = "After"
	changed, err := s.Update(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, p.Version+1, changed.Version)
	_, err = s.Update(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	list, err := s.Search(env.Ctx, patient.SearchInput{Name: "before"})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	list, err = s.Search(env.Ctx, patient.SearchInput{Name: "after"})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)

	other := dbtest.New(t)
	_, err = s.Get(other.Ctx, p.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound, "another tenant's patient does not exist")
	_, err = s.Update(other.Ctx, patient.UpdateInput{ID: p.ID, Version: 2, Details: p.Details})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

func TestService_AddCoverage(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	dbtest.RequireTransitions(t, env, "patient", patient.Transitions.Pairs())
	dbtest.RequireTransitions(t, env, "coverage", patient.CoverageTransitions.Pairs())
	p, err := s.Register(env.Ctx, person("Covered"))
	require.NoError(t, err)
	in := patient.AddCoverageInput{
		Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Acme Health", PolicyNumber: "P-1", Percent: decimal.NewFromInt(80),
			ValidFrom: hmstype.NewDate(2026, 1, 1), ValidUntil: hmstype.NewDate(2027, 1, 1),
		},
	}
	first, err := s.AddCoverage(env.Ctx, in)
	require.NoError(t, err)
	_, err = s.AddCoverage(env.Ctx, in)
	require.ErrorIs(t, err, patient.ErrCoverageOverlap)
	in.ValidFrom, in.ValidUntil = hmstype.NewDate(2027, 1, 1), hmstype.Date{}
	_, err = s.AddCoverage(env.Ctx, in)
	require.NoError(t, err, "the next begins on the day on which the first has ended")
	in.Percent = decimal.RequireFromString("100.01")
	_, err = s.AddCoverage(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid)

	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	for day, want := range map[string]int{
		"2025-12-31": 0, "2026-01-01": 1, "2026-12-31": 1, "2027-01-01": 1, "2040-01-01": 1,
	} {
		date, err := hmstype.ParseDate(day)
		require.NoError(t, err)
		active, err := patient.NewPort(env.Base).ActiveCoverages(env.Ctx, tx, p.ID, date)
		require.NoError(t, err)
		require.Len(t, active, want, day)
	}
	_, err = s.CancelCoverage(env.Ctx, first.ID)
	require.NoError(t, err)
	_, err = s.CancelCoverage(env.Ctx, first.ID)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_EndCoverage(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Insured"))
	require.NoError(t, err)
	details := patient.CoverageDetails{
		PayerName: "Acme", PolicyNumber: "1", Percent: decimal.NewFromInt(80), ValidFrom: hmstype.NewDate(2026, 1, 1),
	}
	c, err := s.AddCoverage(env.Ctx, patient.AddCoverageInput{Patient: p.ID, CoverageDetails: details})
	require.NoError(t, err)
	end := func(version int64, day hmstype.Date) error {
		_, err := s.EndCoverage(env.Ctx, patient.EndCoverageInput{ID: c.ID, Version: version, ValidUntil: day})
		return err
	}
	july := hmstype.NewDate(2026, 7, 1)
	outside := []hmstype.FieldError{{Path: "validUntil", Rule: "must lie within the coverage, after its first day"}}
	require.Equal(t, outside, hmstype.Fields(end(1, details.ValidFrom)))
	require.NoError(t, end(1, july))
	require.ErrorIs(t, end(1, july), hmstype.ErrStale)
	require.Equal(t, outside, hmstype.Fields(end(2, july.AddDays(1))), "what has ended does not go on")

	pays := func(day hmstype.Date) (n int) {
		require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
			active, err := patient.NewPort(env.Base).ActiveCoverages(ctx, db.Conn(), p.ID, day)
			n = len(active)
			return err
		}))
		return n
	}
	require.Equal(t, 1, pays(july.AddDays(-1)), "what was done before is paid for")
	require.Zero(t, pays(july))
	details.ValidFrom = july
	_, err = s.AddCoverage(env.Ctx, patient.AddCoverageInput{Patient: p.ID, CoverageDetails: details})
	require.NoError(t, err, "the next begins on that day")

	_, err = s.CancelCoverage(env.Ctx, c.ID)
	require.NoError(t, err)
	require.ErrorIs(t, end(3, july.AddDays(-1)), patient.ErrCoverageNotActive)
}

// An error never repeats what was typed, for it may end in a log.
func TestRegisterInput_ErrorsHoldNoValue(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	const canary = "CANARY-Jane-Doe"
	long := canary + strings.Repeat("x", 600)
	in := patient.RegisterInput{
		Details: patient.Details{
			FirstName: long, LastName: long, Gender: canary, BirthDatePrecision: canary, PhoneNumber: long, Email: long,
			Address: long, EmergencyContactName: long, EmergencyContactPhone: long,
		},
		MRN: long, OverrideReason: long, Identifiers: []patient.Identifier{{System: long, Value: canary + "\x00"}},
		IdempotencyKey: long,
	}
	_, err := s.Register(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.NotContains(t, err.Error(), canary)
	taken := person(canary)
	taken.MRN, taken.Identifiers = canary, []patient.Identifier{{System: canary, Value: canary}}
	_, err = s.Register(env.Ctx, taken)
	require.NoError(t, err)
	for _, again := range []string{canary, "other"} {
		taken.LastName = again
		_, err = s.Register(env.Ctx, taken)
		require.Error(t, err)
		for ; err != nil; err = errors.Unwrap(err) {
			require.NotContains(t, err.Error(), canary)
		}
	}
}
