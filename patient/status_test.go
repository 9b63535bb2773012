package patient_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

func events(t *testing.T, env *dbtest.Env, action string, id hmstype.PatientID) int {
	t.Helper()
	return dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.audit_event WHERE tenant_id = ? AND action = ? AND patient_id = ?`, env.Tenant, action, id)
}

func TestService_SetStatus(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	states := []patient.Status{
		patient.StatusActive, patient.StatusInactive, patient.StatusMerged, patient.StatusEnteredInError,
	}

	for i, from := range states {
		for j, to := range states {
			in := person("From")
			in.MultipleBirth = true // they stand in nobody's way
			p, err := s.Register(env.Ctx, in)
			require.NoError(t, err)
			if from != patient.StatusActive {
				survivor, err := s.Register(env.Ctx, in)
				require.NoError(t, err)
				var into any
				if from == patient.StatusMerged {
					into = survivor.ID
				}
				_, err = env.DB.NewRaw(`UPDATE hms.patient SET status = ?, merged_into_id = ? WHERE tenant_id = ? AND id = ?`,
					from, into, env.Tenant, p.ID).Exec(t.Context())
				require.NoError(t, err)
			}
			got, err := s.SetStatus(env.Ctx, patient.SetStatusInput{ID: p.ID, Version: 1, Status: to, Reason: "because"})
			switch {
			case to == patient.StatusMerged:
				require.ErrorIs(t, err, hmstype.ErrInvalid, "a merge is no mere status")
			case patient.Transitions.Allows(from, to):
				require.NoError(t, err, "%s to %s", from, to)
				require.Equal(t, to, got.Status)
				require.Equal(t, "because", got.StatusReason)
				require.EqualValues(t, 2, got.Version)
			default:
				require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "%d %d", i, j)
			}
		}
	}
}

func TestService_SetStatus_GivesUnusableRecordsAway(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Gone"))
	require.NoError(t, err)
	_, err = s.SetStatus(env.Ctx, patient.SetStatusInput{
		ID: p.ID, Version: 1, Status: patient.StatusInactive, Reason: "moved",
	})
	require.NoError(t, err)
	_, err = s.SetStatus(env.Ctx, patient.SetStatusInput{
		ID: p.ID, Version: 1, Status: patient.StatusActive, Reason: "back",
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	err = env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := patient.NewPort(env.Base).Require(ctx, db.Conn(), p.ID)
		return err
	})
	require.ErrorIs(t, err, patient.ErrInactive)
	_, err = s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 2})
	require.ErrorIs(t, err, patient.ErrInactive)
}

// asked is a call that shall be refused.
func asked[In, Out any](ctx context.Context, call func(context.Context, In) (Out, error), in In) func() error {
	return func() error {
		_, err := call(ctx, in)
		return err
	}
}

func TestService_SetRestricted(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	clerk := env.As(t, identity.RoleReceptionist)
	p, err := s.Register(clerk, person("Star"))
	require.NoError(t, err)
	coverage, err := s.AddCoverage(clerk, patient.AddCoverageInput{
		Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Acme", PolicyNumber: "1", Percent: decimal.NewFromInt(50),
			ValidFrom: hmstype.NewDate(2026, 1, 1),
		},
	})
	require.NoError(t, err)

	hidden, err := s.SetRestricted(clerk, patient.SetRestrictedInput{ID: p.ID, Version: 1, Restricted: true})
	require.NoError(t, err)
	require.True(t, hidden.Restricted)

	change := patient.UpdateInput{ID: p.ID, Version: 2, Details: p.Details}
	step := patient.SetStatusInput{ID: p.ID, Version: 2, Status: patient.StatusInactive, Reason: "x"}
	end := patient.EndCoverageInput{ID: coverage.ID, Version: 1, ValidUntil: coverage.ValidFrom.AddDays(1)}
	second := patient.AddCoverageInput{Patient: p.ID, CoverageDetails: coverage.CoverageDetails}
	second.Priority = 2
	refused := map[string]func() error{
		"Get":           asked(clerk, s.Get, p.ID),
		"GetByMRN":      asked(clerk, s.GetByMRN, p.MRN),
		"Coverages":     asked(clerk, s.ListCoverages, p.ID),
		"AddCoverage":   asked(clerk, s.AddCoverage, second),
		"EndCoverage":   asked(clerk, s.EndCoverage, end),
		"CancelCover":   asked(clerk, s.CancelCoverage, coverage.ID),
		"SetRestricted": asked(clerk, s.SetRestricted, patient.SetRestrictedInput{ID: p.ID, Version: 2}),
		"MarkDeceased":  asked(clerk, s.MarkDeceased, patient.MarkDeceasedInput{ID: p.ID, Version: 2}),
		"RevokeDeath":   asked(clerk, s.RevokeDeath, patient.RevokeDeathInput{ID: p.ID, Version: 2, Reason: "x"}),
		"Update":        asked(clerk, s.Update, change),
		"SetStatus":     asked(clerk, s.SetStatus, step),
	}
	for name, call := range refused {
		err := call()
		require.ErrorIs(t, err, patient.ErrRestricted, name)
		require.Equal(t, hmstype.KindPermissionDenied, hmstype.KindOf(err), name)
	}
	require.Equal(
		t, len(refused), events(t, env, "denied", p.ID), "every refusal is in the trail, though its act was rolled back",
	)

	admin := env.As(t, identity.RoleAdmin)
	for _, in := range []patient.SearchInput{{Name: "star"}, {MRN: p.MRN}, {BirthDate: p.BirthDate}} {
		list, err := s.Search(clerk, in)
		require.NoError(t, err)
		require.Empty(t, list.Items)
		list, err = s.Search(admin, in)
		require.NoError(t, err)
		require.Len(t, list.Items, 1)
	}
	open, err := s.SetRestricted(admin, patient.SetRestrictedInput{ID: p.ID, Version: 2})
	require.NoError(t, err)
	require.False(t, open.Restricted)
	_, err = s.Get(clerk, p.ID)
	require.NoError(t, err)
}

func TestService_MarkDeceased(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Mortal"))
	require.NoError(t, err)

	for _, at := range []time.Time{env.Clock.Now().Add(time.Hour), time.Date(1950, 1, 1, 0, 0, 0, 0, time.UTC)} {
		_, err = s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 1, At: at})
		require.ErrorIs(t, err, hmstype.ErrInvalid)
	}
	undated, err := s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 1})
	require.NoError(t, err)
	require.True(t, undated.Deceased)
	require.True(t, undated.DeceasedAt.IsZero())
	at := env.Clock.Now().Add(-time.Hour)
	dated, err := s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 2, At: at})
	require.NoError(t, err)
	require.Equal(t, at, dated.DeceasedAt)
	require.Equal(t, 2, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND event_type = 'patient.marked_deceased'`, env.Tenant))
	require.NoError(t, env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		summary, err := patient.NewPort(env.Base).Lock(ctx, db.Conn(), p.ID)
		require.True(t, summary.Deceased)
		require.Equal(t, at, summary.DeceasedAt)
		return err
	}))
}

func TestService_RevokeDeath(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Lazarus"))
	require.NoError(t, err)
	in := patient.RevokeDeathInput{ID: p.ID, Version: 1, Reason: "the neighbour died"}
	_, err = s.RevokeDeath(env.Ctx, in)
	require.ErrorIs(t, err, patient.ErrNotDeceased)
	at := env.Clock.Now().Add(-time.Hour)
	_, err = s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 1, At: at})
	require.NoError(t, err)
	_, err = s.RevokeDeath(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	in.Version, in.Reason = 2, ""
	_, err = s.RevokeDeath(env.Ctx, in)
	require.Equal(t, "reason", hmstype.Fields(err)[0].Path)

	in.Reason = "the neighbour died"
	alive, err := s.RevokeDeath(env.Ctx, in)
	require.NoError(t, err)
	require.False(t, alive.Deceased)
	require.Zero(t, alive.DeceasedAt)
	require.Equal(t, in.Reason, alive.DeathRevokedReason)
	require.Equal(t, 1, dbtest.Scalar[int](t, env,
		`SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND event_type = 'patient.death_revoked'`, env.Tenant))
	dead, err := s.MarkDeceased(env.Ctx, patient.MarkDeceasedInput{ID: p.ID, Version: 3})
	require.NoError(t, err)
	require.Empty(t, dead.DeathRevokedReason, "now the person has died")
}

// A desk that changes a telephone number neither opens a record nor raises the dead.
func TestService_Update_LeavesRestrictionAndDeath(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Quiet")
	in.Restricted, in.DeceasedAt = true, env.Clock.Now().Add(-time.Hour)
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	change := patient.UpdateInput{ID: p.ID, Version: 1, Details: p.Details}
	change.PhoneNumber = "+254 700 000001"
	_, err = s.Update(env.Ctx, change)
	require.NoError(t, err)
	p, err = s.Get(env.Ctx, p.ID)
	require.NoError(t, err)
	require.True(t, p.Restricted)
	require.True(t, p.Deceased)
	require.Equal(t, in.DeceasedAt, p.DeceasedAt)
	require.Equal(t, change.PhoneNumber, p.PhoneNumber)
}

func TestService_Register_LikePeople(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	near, err := s.Register(env.Ctx, person("Hendersen"))
	require.NoError(t, err)
	sure := person("Henderson")
	sure.OverrideReason = "both are here"
	exact, err := s.Register(env.Ctx, sure)
	require.NoError(t, err)
	require.Equal(t, 1, events(t, env, "duplicate_override", near.ID), "the override is in the trail of the other")

	_, err = s.Register(env.Ctx, person("Henderson"))
	var duplicate *patient.DuplicateError
	require.ErrorAs(t, err, &duplicate)
	require.Equal(t, []hmstype.PatientID{exact.ID, near.ID}, duplicate.Candidates, "the likeliest first")

	unknown := patient.RegisterInput{Details: patient.Details{LastName: "Unknown", Gender: patient.GenderUnknown}}
	for range 2 {
		_, err = s.Register(env.Ctx, unknown)
		require.NoError(t, err, "people of whom nothing is known are never taken for one")
	}
	require.Zero(
		t,
		dbtest.Scalar[int](
			t, env, `SELECT count(*) FROM hms.lock WHERE tenant_id = ? AND name ILIKE '%henders%'`, env.Tenant,
		),
	)
}

func TestService_Register_ConcurrentIdentifierIsGivenOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[hmstype.Kind]int{}
	for i := range 32 {
		wg.Go(func() {
			in := person(strings.Repeat("y", i+1))
			in.BirthDate = in.BirthDate.AddDays(i)
			in.Identifiers = []patient.Identifier{{System: "urn:a", Value: "1"}, {System: "urn:b", Value: "2"}}
			if i%2 == 1 {
				in.Identifiers[0], in.Identifiers[1] = in.Identifiers[1], in.Identifiers[0]
			}
			_, err := s.Register(env.Ctx, in)
			mu.Lock()
			outcomes[hmstype.KindOf(err)]++
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindAlreadyExists: 31}, outcomes)
	require.EqualValues(t, 1, dbtest.Scalar[int64](
		t, env, `SELECT value FROM hms.counter WHERE tenant_id = ? AND name = 'patient.mrn'`, env.Tenant,
	),
		"the refused ones gave their numbers back")
}

func TestService_Register_IdentifierErrorNamesTheOther(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Holder")
	in.Identifiers = []patient.Identifier{{System: "urn:z", Value: "9"}}
	holder, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	other := person("Different")
	other.Identifiers = []patient.Identifier{{System: "urn:a", Value: "1"}, {System: "urn:z", Value: " 9"}}
	_, err = s.Register(env.Ctx, other)
	var taken *patient.IdentifierError
	require.ErrorAs(t, err, &taken)
	require.Equal(t, patient.IdentifierError{Index: 1, Patient: holder.ID}, *taken)
	require.ErrorIs(t, err, patient.ErrIdentifierTaken)

	other.Identifiers = []patient.Identifier{{System: "urn:a", Value: "x"}, {System: "urn:a", Value: "X "}}
	_, err = s.Register(env.Ctx, other)
	require.Equal(t, []hmstype.FieldError{{Path: "identifiers[1]", Rule: "must not repeat another"}}, hmstype.Fields(err))
}

func TestService_Search_Phone(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Caller")
	in.PhoneNumber = "+254 700 123-456"
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	list, err := s.Search(env.Ctx, patient.SearchInput{PhoneNumber: "00254700123456"})
	require.NoError(t, err)
	require.Equal(t, p.ID, list.Items[0].ID)

	change := patient.UpdateInput{ID: p.ID, Version: 1, Details: p.Details}
	change.PhoneNumber = ""
	_, err = s.Update(env.Ctx, change)
	require.NoError(t, err)
	list, err = s.Search(env.Ctx, patient.SearchInput{PhoneNumber: "254700123456"})
	require.NoError(t, err)
	require.Empty(t, list.Items)
	_, err = s.Search(env.Ctx, patient.SearchInput{PhoneNumber: "12"})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func TestService_Search_PagesHoldEverybodyOnce(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	want := map[hmstype.PatientID]bool{}
	for i := range 7 {
		in := person("Page Pageant")
		in.BirthDate = in.BirthDate.AddDays(i)
		p, err := s.Register(env.Ctx, in)
		require.NoError(t, err)
		want[p.ID] = true
	}
	in := patient.SearchInput{Name: "pag", Page: hmstype.Page{Limit: 3}}
	for pages := 1; ; pages++ {
		list, err := s.Search(env.Ctx, in)
		require.NoError(t, err)
		for _, p := range list.Items {
			require.True(t, want[p.ID], "nobody twice")
			delete(want, p.ID)
		}
		if list.Next == "" {
			require.Equal(t, 3, pages)
			break
		}
		in.Page.Cursor = list.Next
	}
	require.Empty(t, want)
}

func TestService_ListCoverages(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	p, err := s.Register(env.Ctx, person("Insured"))
	require.NoError(t, err)
	in := patient.AddCoverageInput{
		Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Acme", PolicyNumber: "P", Percent: decimal.RequireFromString("33.33"),
			ValidFrom: hmstype.NewDate(2026, 1, 1), ValidUntil: hmstype.NewDate(2027, 1, 1),
		},
	}
	first, err := s.AddCoverage(env.Ctx, in)
	require.NoError(t, err)
	in.ValidFrom, in.ValidUntil = hmstype.NewDate(2026, 12, 31), hmstype.Date{}
	_, err = s.AddCoverage(env.Ctx, in)
	var overlap *patient.CoverageOverlapError
	require.ErrorAs(t, err, &overlap)
	require.Equal(
		t, patient.CoverageOverlapError{Coverage: first.ID, ValidFrom: first.ValidFrom, ValidUntil: first.ValidUntil},
		*overlap,
	)
	in.Priority = 2
	second, err := s.AddCoverage(env.Ctx, in)
	require.NoError(t, err)
	_, err = s.CancelCoverage(env.Ctx, first.ID)
	require.NoError(t, err)

	list, err := s.ListCoverages(env.Ctx, p.ID)
	require.NoError(t, err)
	require.Equal(t, []hmstype.CoverageID{first.ID, second.ID}, []hmstype.CoverageID{list[0].ID, list[1].ID})
	require.Equal(t, patient.CoverageCancelled, list[0].Status)
	require.Equal(t, "33.33", list[1].Percent.StringFixed(2))
	_, err = s.ListCoverages(dbtest.New(t).Ctx, p.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// The database refuses by itself what the services never try.
func TestDatabase_Guards(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	in := person("Guarded")
	in.Identifiers = []patient.Identifier{{System: "urn:w", Value: "1"}}
	p, err := s.Register(env.Ctx, in)
	require.NoError(t, err)
	for name, statement := range map[string]string{
		"MRNNeverChanges":      `UPDATE hms.patient SET mrn = 'other' WHERE tenant_id = ?0 AND id = ?1`,
		"MergedNeedsASurvivor": `UPDATE hms.patient SET status = 'merged' WHERE tenant_id = ?0 AND id = ?1`,
		"NotMergedIntoItself": `UPDATE hms.patient SET status = 'merged', merged_into_id = id WHERE tenant_id = ?0
			AND id = ?1`,
		"DeathNeedsTheFlag": `UPDATE hms.patient SET deceased_at = now() WHERE tenant_id = ?0 AND id = ?1`,
		"MonthIsItsFirstDay": `UPDATE hms.patient SET birth_date = '1980-05-02', birth_date_precision = 'month'
			WHERE tenant_id = ?0 AND id = ?1`,
		"YearIsItsFirstDay": `UPDATE hms.patient SET birth_date = '1980-02-01', birth_date_precision = 'year'
			WHERE tenant_id = ?0 AND id = ?1`,
		"NoEmptyIdentifier":  `UPDATE hms.patient_identifier SET value_key = '' WHERE tenant_id = ?0 AND patient_id = ?1`,
		"NobodyIsBornBefore": `UPDATE hms.patient SET birth_date = '1849-12-31' WHERE tenant_id = ?0 AND id = ?1`,
		"GenderIsAFHIRCode":  `UPDATE hms.patient SET gender = 'M' WHERE tenant_id = ?0 AND id = ?1`,
		"TokensBelongToSomeone": `INSERT INTO hms.patient_token (tenant_id, token, patient_id)
			VALUES (?0, 'x', gen_random_uuid())`,
	} {
		_, err := env.DB.NewRaw(statement, env.Tenant, p.ID).Exec(t.Context())
		require.Error(t, err, name)
	}
	err = env.InTx(t, env.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `DELETE FROM hms.patient WHERE tenant_id = $1 AND id = $2`, db.Tenant(), p.ID)
		return err
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "nobody is deleted")
	_, err = env.DB.NewRaw(`UPDATE hms.patient SET mrn = 'x' WHERE tenant_id = ? AND id = ?`, env.Tenant, p.ID).
		Exec(t.Context())
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(dbx.Map(err)))
}

func TestService_Register_NamesComeBackAsTheyWereTyped(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := patient.New(env.Base, patient.Ports{})
	for _, name := range []string{
		"Cormier289", "O'Neill-Smith", "Nguyễn Thị", "e\u0301tude", "李", "Müller ", "  ß", "Ó Súilleabháin", "a\tb",
	} {
		in := person(name)
		in.FirstName = name
		p, err := s.Register(env.Ctx, in)
		require.NoError(t, err, "%q", name)
		found, err := s.Get(env.Ctx, p.ID)
		require.NoError(t, err)
		require.Equal(t, []byte(name), []byte(found.LastName))
		require.Equal(t, []byte(name), []byte(found.FirstName))
	}
}
