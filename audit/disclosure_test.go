package audit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
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

// register adds a patient of a surname.
func register(tb testing.TB, env *dbtest.Env, surname string, restricted bool) hmstype.PatientID {
	tb.Helper()
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: surname, Gender: patient.GenderOther}, Restricted: restricted,
		OverrideReason: "a test",
	})
	require.NoError(tb, err)
	return p.ID
}

func disclosing(p hmstype.PatientID) audit.RecordDisclosureInput {
	return audit.RecordDisclosureInput{
		Patient: p,
		DisclosureDetails: audit.DisclosureDetails{
			DisclosedAt: dbtest.Start.Add(-time.Hour),
			Recipient:   audit.Recipient{Name: "County Health Office", Address: "1 Main Street"},
			Description: "Tuberculosis test, positive", Purpose: "Mandatory notification", Basis: audit.BasisPublicHealth,
			AuthorizedBy: "Dr. Who",
		},
	}
}

func suspension() audit.Suspension {
	return audit.Suspension{
		Until: dbtest.Start.Add(10 * 24 * time.Hour), Agency: "State Police", Statement: "Would impede an inquiry",
		At: dbtest.Start.Add(-30 * time.Minute),
	}
}

// policing is a disclosure that an agency wants to be kept from the patient.
func policing(p hmstype.PatientID) audit.RecordDisclosureInput {
	in := disclosing(p)
	in.Basis, in.Suspension = audit.BasisLawEnforcement, suspension()
	return in
}

func TestService_RecordDisclosure(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Told", false)
	d, err := s.RecordDisclosure(env.Ctx, disclosing(p))
	require.NoError(t, err)
	// The four things that 45 CFR 164.528(b)(2) asks for.
	require.Equal(t, dbtest.Start.Add(-time.Hour), d.DisclosedAt)
	require.Equal(t, audit.Recipient{Name: "County Health Office", Address: "1 Main Street"}, d.Recipient)
	require.Equal(t, "Tuberculosis test, positive", d.Description)
	require.Equal(t, "Mandatory notification", d.Purpose)
	require.Equal(t, "system:test", d.RecordedBy.String())

	report, err := s.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p})
	require.NoError(t, err)
	require.Equal(t, []audit.Disclosure{d}, report.Items)
	stored := dbtest.Scalar[string](t, env, `SELECT description || recipient_address FROM hms.disclosure WHERE id = ?`,
		d.ID)
	require.Equal(t, 2, strings.Count(stored, "hms1:"), "what was told and where to is encrypted")

	reads, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Patient: p, Entity: "disclosure"})
	require.NoError(t, err)
	require.Len(t, reads.Items, 2, "its record and the reading of the report")
	fields, err := reads.Items[1].Fields()
	require.NoError(t, err)
	for _, f := range fields {
		text, ok := f.After.Text()
		switch f.Name {
		case "description", "recipient_address":
			require.True(t, f.After.Sealed, f.Name)
			require.False(t, ok, "ciphertext is nothing to show")
		case "recipient_name":
			require.Equal(t, "County Health Office", text)
		}
	}
}

func TestService_RecordDisclosureRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Told", false)
	for name, change := range map[string]func(*audit.RecordDisclosureInput){
		"no patient":       func(in *audit.RecordDisclosureInput) { in.Patient = hmstype.PatientID{} },
		"unknown patient":  func(in *audit.RecordDisclosureInput) { in.Patient = hmstype.NewID[hmstype.PatientID]() },
		"another tenant's": func(in *audit.RecordDisclosureInput) { in.Patient = register(t, dbtest.New(t), "Other", false) },
		"the future":       func(in *audit.RecordDisclosureInput) { in.DisclosedAt = dbtest.Start.Add(time.Microsecond) },
		"no time":          func(in *audit.RecordDisclosureInput) { in.DisclosedAt = time.Time{} },
		"no recipient":     func(in *audit.RecordDisclosureInput) { in.Recipient.Name = " " },
		"no description":   func(in *audit.RecordDisclosureInput) { in.Description = "" },
		"no purpose":       func(in *audit.RecordDisclosureInput) { in.Purpose = "" },
		"no basis":         func(in *audit.RecordDisclosureInput) { in.Basis = "" },
		"no agency":        func(in *audit.RecordDisclosureInput) { in.Suspension.Agency = "" },
		"no statement":     func(in *audit.RecordDisclosureInput) { in.Suspension.Statement = "" },
		"oral, over 30 days": func(in *audit.RecordDisclosureInput) {
			in.Suspension.Oral, in.Suspension.Until = true, in.Suspension.At.Add(30*24*time.Hour+1)
		},
		"ends before it began": func(in *audit.RecordDisclosureInput) { in.Suspension.Until = in.Suspension.At },
		"statement to come":    func(in *audit.RecordDisclosureInput) { in.Suspension.At = dbtest.Start.Add(time.Minute) },
	} {
		in := policing(p)
		change(&in)
		_, err := s.RecordDisclosure(env.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	in := policing(p)
	in.Basis = audit.BasisResearch
	_, err := s.RecordDisclosure(env.Ctx, in)
	require.ErrorIs(t, err, audit.ErrNotSuspendable)
	_, err = s.RecordDisclosure(env.As(t, identity.RoleReceptionist), disclosing(p))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = s.RecordDisclosure(env.As(t, identity.RoleAdmin), disclosing(p))
	require.NoError(t, err)
}

// The database holds each rule by itself, against the superuser, too.
func TestDisclosure_Guards(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	dbtest.RequireTransitions(t, env, "disclosure", audit.DisclosureTransitions.Pairs())
	d, err := s.RecordDisclosure(env.Ctx, policing(register(t, env, "Told", false)))
	require.NoError(t, err)
	for change, guard := range map[string]string{
		`purpose = 'another'`:                            "HM002",
		`description = 'hms1:1:AAAA'`:                    "HM002",
		`disclosed_at = disclosed_at - interval '1 day'`: "HM002",
		`status = 'entered-in-error'`:                    "disclosure_error_check",
		`suspension_until = NULL`:                        "disclosure_statement_check",
		`suspension_until = suspension_at`:               "disclosure_until_check",
		`suspension_oral = true, suspension_until = suspension_at + interval '31 days'`: "disclosure_until_check",
	} {
		_, err := env.DB.NewRaw(`UPDATE hms.disclosure SET `+change+` WHERE id = ?`, d.ID).Exec(t.Context())
		require.ErrorContains(t, err, guard, change)
	}
	_, err = env.DB.NewRaw(`DELETE FROM hms.disclosure WHERE id = ?`, d.ID).Exec(t.Context())
	require.ErrorContains(t, err, "HM002")
	const insert = `INSERT INTO hms.disclosure (tenant_id, id, patient_id, status, disclosed_at, recipient_name,
		description, purpose, basis, created_at, created_by)
		VALUES (?, gen_random_uuid(), ?, 'recorded', now() + ?::interval, 'x', 'hms1:x', 'x', ?, now(), 'x')`
	_, err = env.DB.NewRaw(insert, env.Tenant, d.Patient, "1 second", "research").Exec(t.Context())
	require.ErrorContains(t, err, "disclosure_time_check")
	_, err = env.DB.NewRaw(insert, env.Tenant, d.Patient, "0", "gossip").Exec(t.Context())
	require.ErrorContains(t, err, "disclosure_basis_check")
	_, err = env.DB.NewRaw(insert, dbtest.New(t).Tenant, d.Patient, "0", "research").Exec(t.Context())
	require.ErrorContains(t, err, "disclosure_patient_fkey", "another tenant's patient")
	for _, basis := range audit.Bases() {
		_, err = env.DB.NewRaw(insert, env.Tenant, d.Patient, "0", basis).Exec(t.Context())
		require.NoError(t, err, "Go and the database know the same bases")
	}
	_, err = env.DB.NewRaw(`UPDATE hms.disclosure
		SET suspension_until = now(), suspension_at = now() - interval '1 day', suspension_agency = 'x',
		suspension_statement = 'x'
		WHERE tenant_id = ? AND basis = 'research'`, env.Tenant).Exec(t.Context())
	require.ErrorContains(t, err, "disclosure_suspension_check")
}

func TestService_SuspendDisclosure(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Watched", false)
	d, err := s.RecordDisclosure(env.Ctx, policing(p))
	require.NoError(t, err)
	told := func(staff bool) int {
		report, err := s.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p, ForStaff: staff})
		require.NoError(t, err)
		sums, err := s.ListDisclosureSummaries(env.Ctx, audit.ListDisclosureSummariesInput{Patient: p, ForStaff: staff})
		require.NoError(t, err)
		require.Len(t, sums.Items, len(report.Items))
		accesses, err := s.ListAccesses(env.Ctx, audit.ListAccessesInput{Patient: p, ForStaff: staff})
		require.NoError(t, err)
		records := 0
		for _, a := range accesses.Items {
			if a.Operation == "audit.record_disclosure" || a.Operation == "audit.suspend_disclosure" &&
				a.Action == audit.ActionUpdate {
				records++
			}
		}
		require.GreaterOrEqual(t, records, len(report.Items), "the report of accesses does not tell on the sly")
		if len(report.Items) == 0 {
			require.Zero(t, records)
		}
		return len(report.Items)
	}
	require.Equal(t, 0, told(false))
	require.Equal(t, 1, told(true))

	longer := suspension()
	longer.Until, longer.Statement = longer.Until.Add(60*24*time.Hour), "Confirmed in writing"
	d2, err := s.SuspendDisclosure(env.Ctx, audit.SuspendDisclosureInput{ID: d.ID, Version: d.Version, Suspension: longer})
	require.NoError(t, err)
	require.Equal(t, longer, d2.Suspension)
	_, err = s.SuspendDisclosure(env.Ctx, audit.SuspendDisclosureInput{ID: d.ID, Version: d.Version})
	require.ErrorIs(t, err, hmstype.ErrStale)
	env.Clock.Advance(longer.Until.Sub(env.Clock.Now()) - time.Microsecond)
	require.Equal(t, 0, told(false))
	require.True(t, d2.Suspended(env.Clock.Now()))
	env.Clock.Advance(time.Microsecond)
	require.Equal(t, 1, told(false), "over")
	require.False(t, d2.Suspended(env.Clock.Now()))

	lifted, err := s.SuspendDisclosure(env.Ctx, audit.SuspendDisclosureInput{ID: d.ID, Version: d2.Version})
	require.NoError(t, err)
	require.True(t, lifted.Suspension.IsZero())
	free, err := s.RecordDisclosure(env.Ctx, disclosing(p))
	require.NoError(t, err)
	_, err = s.SuspendDisclosure(env.Ctx,
		audit.SuspendDisclosureInput{ID: free.ID, Version: free.Version, Suspension: suspension()})
	require.ErrorIs(t, err, audit.ErrNotSuspendable)
}

func TestService_EnterDisclosureInError(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Wrong", false)
	d, err := s.RecordDisclosure(env.Ctx, policing(p))
	require.NoError(t, err)
	mark := audit.EnterDisclosureInErrorInput{ID: d.ID, Version: d.Version, Reason: "Another patient's"}
	wrong, err := s.EnterDisclosureInError(env.Ctx, mark)
	require.NoError(t, err)
	require.Equal(t, audit.DisclosureInError, wrong.Status)
	require.Equal(t, "system:test", wrong.ErrorBy.String())
	mark.Version = wrong.Version
	_, err = s.EnterDisclosureInError(env.Ctx, mark)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = s.SuspendDisclosure(env.Ctx, audit.SuspendDisclosureInput{ID: d.ID, Version: wrong.Version})
	require.ErrorIs(t, err, audit.ErrDisclosureInError)
	report, err := s.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p})
	require.NoError(t, err)
	require.Empty(t, report.Items)
	report, err = s.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p, ForStaff: true})
	require.NoError(t, err)
	require.Equal(t, []audit.Disclosure{wrong}, report.Items)
}

func TestService_DisclosureReportOfRestricted(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip := register(t, env, "Known", true)
	_, err := s.RecordDisclosure(env.Ctx, disclosing(vip))
	require.NoError(t, err)
	clerk := auditor(t, env)
	for name, read := range map[string]func() error{
		"report": func() error {
			_, err := s.ListDisclosures(clerk, audit.ListDisclosuresInput{Patient: vip})
			return err
		},
		"summaries": func() error {
			_, err := s.ListDisclosureSummaries(clerk, audit.ListDisclosureSummariesInput{Patient: vip})
			return err
		},
		"accesses": func() error { _, err := s.ListAccesses(clerk, audit.ListAccessesInput{Patient: vip}); return err },
		"totals": func() error {
			_, err := s.ListAccessTotals(clerk, audit.ListAccessTotalsInput{Patient: vip})
			return err
		},
		"exposed": func() error {
			_, err := s.ListExposuresTo(clerk, audit.ListExposuresToInput{Patient: vip, During: always()})
			return err
		},
		"trail": func() error { _, err := s.ListEventsOfPatient(clerk, vip, hmstype.Page{}); return err },
	} {
		require.ErrorIs(t, read(), hmstype.ErrPermissionDenied, name)
	}
}

// auditor gives the context of somebody who may read the trail and see no restricted record.
func auditor(t *testing.T, env *dbtest.Env) context.Context {
	t.Helper()
	_, err := env.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{
		Name:        "Reader of the trail",
		RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermAuditRead}},
	})
	require.NoError(t, err)
	return env.As(t, "Reader of the trail")
}

func always() hmstype.Period {
	return hmstype.Period{Start: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)}
}

// Many desks that send the same form with one key make one record.
func TestService_RecordDisclosureConcurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	in := disclosing(register(t, env, "Told", false))
	in.IdempotencyKey = "form 7"
	ids := make([]hmstype.DisclosureID, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			d, err := s.RecordDisclosure(env.Ctx, in)
			if err != nil {
				t.Errorf("record: %v", err)
			}
			ids[i] = d.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Equal(t, 1, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.disclosure WHERE tenant_id = ?`, env.Tenant))
	in.Purpose = "Another"
	_, err := s.RecordDisclosure(env.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
}

// However disclosures are mixed, the summaries add up to the report, tell the first and the
// last of each, and add up only what the rule allows.
func TestService_DisclosureSummariesAddUp(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	rapid.Check(t, func(rt *rapid.T) {
		p := register(t, env, "Counted", false)
		n := rapid.IntRange(0, 8).Draw(rt, "n")
		for range n {
			in := disclosing(p)
			in.Recipient.Name = rapid.SampledFrom([]string{"A", "B"}).Draw(rt, "recipient")
			in.Basis = rapid.SampledFrom([]audit.Basis{audit.BasisPublicHealth, audit.BasisTreatment}).Draw(rt, "basis")
			in.DisclosedAt = dbtest.Start.Add(-time.Duration(rapid.IntRange(0, 5).Draw(rt, "hours")) * time.Hour)
			_, err := s.RecordDisclosure(env.Ctx, in)
			require.NoError(rt, err)
		}
		single := allDisclosures(rt, s, env.Ctx, p)
		require.Len(rt, single, n)
		type key struct{ recipient, basis, id string }
		want := map[key][]audit.Disclosure{}
		for _, d := range single {
			k := key{d.Recipient.Name, string(d.Basis), ""}
			if d.Basis == audit.BasisTreatment {
				k.id = d.ID.String()
			}
			want[k] = append(want[k], d)
		}
		page := hmstype.Page{Limit: 2}
		var sum int64
		groups := 0
		for {
			list, err := s.ListDisclosureSummaries(env.Ctx, audit.ListDisclosureSummariesInput{Patient: p, Page: page})
			require.NoError(rt, err)
			for _, g := range list.Items {
				k := key{g.First.Recipient.Name, string(g.First.Basis), ""}
				if g.First.Basis == audit.BasisTreatment {
					k.id = g.First.ID.String()
				}
				members := want[k]
				require.Len(rt, members, int(g.Count), fmt.Sprint(k))
				require.Equal(rt, members[0].DisclosedAt, g.Last)
				require.Equal(rt, members[len(members)-1], g.First)
				sum += g.Count
				groups++
			}
			if page.Cursor = list.Next; page.Cursor == "" {
				break
			}
		}
		require.Equal(rt, int64(n), sum)
		require.Len(rt, want, groups)
	})
}

// allDisclosures reads the report page by page, newest first.
func allDisclosures(
	t require.TestingT, s *audit.Service, ctx context.Context, p hmstype.PatientID,
) []audit.Disclosure {
	var all []audit.Disclosure
	for page := (hmstype.Page{Limit: 3}); ; {
		list, err := s.ListDisclosures(ctx, audit.ListDisclosuresInput{Patient: p, Page: page})
		require.NoError(t, err)
		all = append(all, list.Items...)
		if page.Cursor = list.Next; page.Cursor == "" {
			return all
		}
	}
}

func TestService_DisclosureReportPeriod(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Old", false)
	edge := dbtest.Start.AddDate(-6, 0, 0)
	for _, at := range []time.Time{edge.Add(-time.Microsecond), edge, dbtest.Start} {
		in := disclosing(p)
		in.DisclosedAt = at
		_, err := s.RecordDisclosure(env.Ctx, in)
		require.NoError(t, err)
	}
	require.Len(t, allDisclosures(t, s, env.Ctx, p), 2, "six years before the request")
	list, err := s.ListDisclosures(env.Ctx,
		audit.ListDisclosuresInput{Patient: p, During: hmstype.Period{Start: edge.AddDate(-1, 0, 0), End: dbtest.Start}})
	require.NoError(t, err)
	require.Len(t, list.Items, 2, "half-open")
}
