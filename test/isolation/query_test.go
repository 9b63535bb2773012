package isolation_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

var (
	tableUse = regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO|UPDATE)\s+"?hms"?\."?([a-z_]+)"?(\s*\()?`)
	literal  = regexp.MustCompile(`'(?:[^']|'')*'`)
)

// unrouted tells how many uses of our tables in a statement have no condition on the tenant
// of their own. A function call is none: functions take the tenant first.
func unrouted(statement string) int {
	statement = literal.ReplaceAllString(statement, "''")
	uses := 0
	for _, m := range tableUse.FindAllStringSubmatch(statement, -1) {
		if m[3] == "" || strings.EqualFold(m[1], "INTO") {
			uses++
		}
	}
	return uses - strings.Count(statement, "tenant_id")
}

// Every query names the tenant on each of its tables: then row-level security is a filter
// that runs once, and a distributed server can send the statement to one node.
func TestQueries_NameTheTenantOnEveryTable(t *testing.T) {
	t.Parallel()
	env, seen := fixture.Traced(t, hmstest.New(t))
	lived := fixture.LivedDay(t, env)
	lived.RequireAllReached()
	for name, ask := range auditQuestions(env, env.H, lived.Who.ID) {
		require.NoError(t, ask(), name)
	}
	checked := 0
	for statement := range seen.Take() {
		if strings.Contains(statement, "FROM hms.migration ") {
			continue // the one table that is the installation's
		}
		if strings.Contains(statement, "hms.") || strings.Contains(statement, `"hms"`) {
			checked++
			require.LessOrEqual(t, unrouted(statement), 0, statement)
		}
	}
	require.Greater(t, checked, 60)
}

// auditQuestions are those to the trail that the day does not ask in this way.
func auditQuestions(env *hmstest.Env, h *hms.HMS, p hmstype.PatientID) map[string]func() error {
	during := hms.Period{Start: env.Now().AddDate(0, 0, -1), End: env.Now().AddDate(0, 0, 1)}
	questions := map[string]func() error{
		"plan": func() error {
			_, err := h.AuditLog.PlanRetention(env.Ctx, sealed.PlanRetentionInput{AsOf: env.Now().AddDate(5, 0, 0)})
			return err
		},
		"census": func() error {
			_, err := h.Facility.GetCensus(env.Ctx, facility.GetCensusInput{At: env.Now()})
			return err
		},
		"disclose": func() error {
			_, err := h.Audit.RecordDisclosure(env.Ctx, audit.RecordDisclosureInput{
				Patient: p, DisclosureDetails: audit.DisclosureDetails{
					DisclosedAt: env.Now(), Basis: audit.BasisResearch,
					Recipient: audit.Recipient{Name: "University"}, Description: "Vital signs", Purpose: "Study",
				},
			})
			return err
		},
		"disclosures": func() error {
			_, err := h.Audit.ListDisclosures(env.Ctx, audit.ListDisclosuresInput{Patient: p})
			return err
		},
		"summaries": func() error {
			_, err := h.Audit.ListDisclosureSummaries(env.Ctx, audit.ListDisclosureSummariesInput{Patient: p})
			return err
		},
		"proof": func() error {
			_, err := h.AuditLog.ProveDisclosures(env.Ctx, sealed.ProveDisclosuresInput{Patient: p})
			return err
		},
		"accesses": func() error { _, err := h.Audit.ListAccesses(env.Ctx, audit.ListAccessesInput{Patient: p}); return err },
		"totals": func() error {
			_, err := h.Audit.ListAccessTotals(env.Ctx, audit.ListAccessTotalsInput{Patient: p})
			return err
		},
		"exposed": func() error {
			_, err := h.Audit.ListExposures(env.Ctx, audit.ListExposuresInput{Actor: "system:test", During: during})
			return err
		},
		"exposed to": func() error {
			_, err := h.Audit.ListExposuresTo(env.Ctx, audit.ListExposuresToInput{Patient: p, During: during})
			return err
		},
	}
	for _, suspicion := range []audit.Suspicion{
		audit.SuspicionSurname, audit.SuspicionOwnRecord, audit.SuspicionVolume, audit.SuspicionAfterHours,
		audit.SuspicionBreakGlass,
	} {
		questions[string(suspicion)] = func() error {
			_, err := h.Audit.ListUnusual(env.Ctx, audit.ListUnusualInput{
				Suspicion: suspicion, During: during, Volume: audit.Volume{AtLeast: 1}, Hours: audit.Hours{Closes: time.Hour},
			})
			return err
		}
	}
	return questions
}

func TestUnrouted(t *testing.T) {
	t.Parallel()
	require.Equal(t, 1, unrouted(`SELECT 1 FROM hms.bed WHERE id = 'tenant_id'`))
	require.Equal(t, 1, unrouted(`SELECT 1 FROM hms.bed AS b JOIN hms.ward AS w ON w.id = b.ward_id
		WHERE b.tenant_id = $1`))
	require.Zero(t, unrouted(`SELECT hms.stock_add($1)`))
	require.Equal(t, 1, unrouted(`INSERT INTO hms.bed (id) VALUES ($1)`))
	require.Zero(t, unrouted(`INSERT INTO "hms"."bed" ("tenant_id", "id") VALUES ($1)`))
}
