package lab_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/migrate"
)

func TestTransitions(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	dbtest.RequireTransitions(t, env, "lab_order", lab.OrderTransitions.Pairs())
	dbtest.RequireTransitions(t, env, "lab_order_item", lab.ItemTransitions.Pairs())
	dbtest.RequireTransitions(t, env, "lab_specimen", lab.SpecimenTransitions.Pairs())
	dbtest.RequireTransitions(t, env, "lab_result", lab.ResultTransitions.Pairs())
	dbtest.RequireTransitions(t, env, "lab_critical_alert", lab.AlertTransitions.Pairs())
}

// errUndone is how a test gives back what it tried.
var errUndone = errors.New("undone")

// try runs statements as the application in a transaction that is undone, and gives the error.
func (b *bundle) try(t *testing.T, query string, args ...any) error {
	t.Helper()
	err := b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		if _, err := db.NewRaw(query, args...).Exec(ctx); err != nil {
			return err
		}
		return errUndone
	})
	if errors.Is(err, errUndone) {
		return nil
	}
	require.Error(t, err)
	return err
}

// Every pair of states of every machine, by raw SQL: the guard lets through what the table
// allows and nothing else.
func TestTransitions_EveryPairByRawSQL(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("9.9"))
	b.verify(t, out.Item)
	alert := b.alerts(t)[0]

	walk := func(table, id string, states []string, allows func(from, to string) bool) {
		for _, from := range states {
			for _, to := range states {
				if from == to {
					continue
				}
				err := b.forced(t, table, id, from, to)
				require.Equal(
					t, allows(from, to), !errors.Is(err, hmstype.ErrInvalidTransition), "%s: %s>%s: %v", table, from, to, err,
				)
			}
		}
	}
	walk("lab_order", order.ID.String(), texts(lab.OrderTransitions.States()), func(from, to string) bool {
		return lab.OrderTransitions.Allows(lab.OrderStatus(from), lab.OrderStatus(to))
	})
	walk("lab_order_item", out.Item.ID.String(), texts(lab.ItemTransitions.States()), func(from, to string) bool {
		return lab.ItemTransitions.Allows(lab.ItemStatus(from), lab.ItemStatus(to))
	})
	walk("lab_specimen", out.Item.Specimen.String(), texts(lab.SpecimenTransitions.States()), func(from, to string) bool {
		return lab.SpecimenTransitions.Allows(lab.SpecimenStatus(from), lab.SpecimenStatus(to))
	})
	walk("lab_critical_alert", alert.ID.String(), texts(lab.AlertTransitions.States()), func(from, to string) bool {
		return lab.AlertTransitions.Allows(lab.AlertStatus(from), lab.AlertStatus(to))
	})
}

func texts[S ~string](states []S) []string {
	out := make([]string, len(states))
	for i, s := range states {
		out[i] = string(s)
	}
	return out
}

// forced puts a row into a state past all guards and tries a step from there, all undone. Checks of other
// columns may refuse either; only the guard's answer is looked at.
func (b *bundle) forced(t *testing.T, table, id, from, to string) error {
	t.Helper()
	tx, err := b.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	_, err = tx.NewRaw(`SET LOCAL session_replication_role = replica`).Exec(t.Context())
	require.NoError(t, err)
	_, err = tx.NewRaw(
		`UPDATE hms.`+table+` SET status = ?`+company(table, from)+` WHERE id = ?`, from, id,
	).Exec(t.Context())
	require.NoError(t, err)
	_, err = tx.NewRaw(`SET LOCAL session_replication_role = origin`).Exec(t.Context())
	require.NoError(t, err)
	_, err = tx.NewRaw(`UPDATE hms.`+table+` SET status = ? WHERE id = ?`, to, id).Exec(t.Context())
	return dbx.Map(err)
}

// company gives the columns that a state needs beside it.
func company(table, status string) string {
	switch {
	case table == "lab_order":
		return `, status_reason = 'forced'`
	case table == "lab_order_item" && slices.Contains(
		[]string{"ordered", "collected", "in-progress", "preliminary"}, status,
	):
		return `, status_reason = 'forced', verified_by = '', verified_at = NULL`
	case table == "lab_order_item":
		return `, status_reason = 'forced', verified_by = created_by, verified_at = created_at,
			result_date = collected_at`
	case table == "lab_specimen" && status == "received":
		return `, received_at = collected_at, received_by = created_by`
	case table == "lab_specimen" && status != "collected":
		return `, rejected_at = collected_at, rejected_by = created_by, reject_reason = 'forced'`
	case table == "lab_critical_alert" && status == "acknowledged":
		return toldSomebody
	case table == "lab_critical_alert" && status == "closed":
		return toldSomebody + `, closed_by = created_by, closed_at = created_at, closing_comment = 'forced', read_back = true`
	}
	return ""
}

// toldSomebody names whoever entered the value as the person.
const toldSomebody = `, acknowledged_by = created_by, acknowledged_at = created_at, comment = 'forced'`

func TestResult_IsImmutable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.final(t, b.potassium(t), b.adult(t), number("4"))
	for _, query := range []string{
		`UPDATE hms.lab_result SET value_text = '5', value_number = 5 WHERE tenant_id = ?`,
		`DELETE FROM hms.lab_result WHERE tenant_id = ?`,
	} {
		err := b.try(t, query, b.Tenant)
		require.Equal(t, hmstype.KindPermissionDenied, hmstype.KindOf(err), "the application has no right to")
		_, err = b.DB.NewRaw(query, b.Tenant).Exec(t.Context())
		require.ErrorContains(t, err, "HM002", "nor has the superuser")
	}
}

func TestResult_Guards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	_, out := b.final(t, test, b.adult(t), number("4"))
	other, _ := b.final(t, b.numericTest(t, "NA", ""), b.adult(t), number("140"))
	final := out.Results[0]
	columns := `tenant_id, id, order_item_id, patient_id, test_id, analyte_id, specimen_id, version, supersedes_id, status,
		value_type, comparator, value_number, value_code, value_text, absent_reason, unit, flag, critical, collected_at,
		reason,
		entered_by, entered_at, verified_by, verified_at, created_at, created_by`
	// insert copies the final result, with one column replaced.
	insert := func(changes map[string]string) error {
		values := map[string]string{
			"id": `'` + hmstype.NewID[hmstype.LabResultID]().String() + `'::uuid`, "version": "3", "status": "'corrected'",
			"supersedes_id": "'" + final.ID.String() + "'::uuid", "reason": "'because'",
		}
		for column, value := range changes {
			values[column] = value
		}
		list := regexp.MustCompile(`\w+`).ReplaceAllStringFunc(columns, func(c string) string {
			if v, ok := values[c]; ok {
				return v
			}
			return c
		})
		return b.try(
			t, `INSERT INTO hms.lab_result (`+columns+`) SELECT `+list+` FROM hms.lab_result WHERE tenant_id = ? AND id = ?`,
			b.Tenant, final.ID,
		)
	}
	require.NoError(t, insert(nil))
	for name, changes := range map[string]map[string]string{
		"NumberIsNotTheText":           {"value_number": "4.1"},
		"NotANumber":                   {"value_number": "'NaN'", "value_text": "'NaN'"},
		"TextIsNoNumber":               {"value_text": "'four'"},
		"NumericWithoutValue":          {"value_number": "NULL"},
		"UnknownComparator":            {"comparator": "'~'"},
		"UnknownFlag":                  {"flag": "'HHH'"},
		"CriticalNotMarked":            {"flag": "'HH'", "critical": "false"},
		"AbsentWithoutReason":          {"value_type": "'absent'", "value_number": "NULL", "value_text": "''"},
		"CorrectedForNothing":          {"reason": "''"},
		"NotVerified":                  {"verified_at": "NULL"},
		"VerifiedByNobody":             {"verified_by": "''"},
		"OtherPatient":                 {"patient_id": "'" + other.Patient.String() + "'::uuid"},
		"OtherItem":                    {"order_item_id": "'" + other.Items[0].ID.String() + "'::uuid"},
		"UnknownAnalyte":               {"analyte_id": "hms.uuid_v7()"},
		"AfterFinalComesNoPreliminary": {"status": "'preliminary'"},
		"FirstVersionIsNotFinal":       {"supersedes_id": "NULL", "version": "1", "status": "'final'"},
		"VersionIsNotTheNext":          {"version": "7"},
		"SupersedesNothing":            {"supersedes_id": "hms.uuid_v7()"},
		"SupersedesWhatIsSuperseded": {
			"supersedes_id": "'" + final.Supersedes.String() + "'::uuid", "version": "2", "status": "'final'",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := insert(changes)
			require.Error(t, err)
			require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(err), "%v", err)
		})
	}
}

// A value that comes by raw SQL between verification and release is refused: it would be released as verified.
func TestResult_NoneComesAfterVerification(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("4"))
	const columns = `order_item_id, patient_id, test_id, analyte_id, specimen_id, value_type, unit, critical, collected_at,
		entered_by, entered_at, created_at, created_by, status, comparator, value_code, absent_reason, flag, reason`
	another := func() error {
		return b.try(t, `INSERT INTO hms.lab_result (tenant_id, id, supersedes_id, version, value_number, value_text,
			`+columns+`) SELECT tenant_id, gen_random_uuid(), id, version + 1, 9, '9', `+columns+` FROM hms.lab_result
			WHERE tenant_id = ? AND id = ?`, b.Tenant, out.Results[0].ID)
	}
	require.NoError(t, another(), "while the item waits for verification")
	b.verify(t, out.Item)
	require.ErrorIs(t, another(), hmstype.ErrInvalidTransition)
}

// Nobody orders whose account is closed.
func TestOrder_TheDatabaseKnowsWhoOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := b.order(t, b.adult(t), b.potassium(t))
	closed := b.User(t, identity.RoleDoctor).ID
	_, err := b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: closed, Status: identity.UserDeactivated})
	require.NoError(t, err)
	err = b.try(t, `INSERT INTO hms.lab_order (tenant_id, id, number, patient_id, requester_id, status, priority,
		created_at, created_by) SELECT tenant_id, gen_random_uuid(), 'forged', patient_id, ?, status, priority,
		created_at, created_by FROM hms.lab_order WHERE tenant_id = ? AND id = ?`, closed, b.Tenant, order.ID)
	require.ErrorIs(t, err, hmstype.ErrNotPractitioner)
}

func TestCatalogue_Guards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("9.9"))
	alert := b.alerts(t)[0]
	b.final(t, test, b.adult(t), number("4"))
	for name, query := range map[string]string{
		"RangeWithoutBound": `UPDATE hms.lab_reference_range SET low = NULL, high = NULL, critical_high = NULL
			WHERE tenant_id = ?`,
		"RangeNaN":         `UPDATE hms.lab_reference_range SET high = 'NaN' WHERE tenant_id = ?`,
		"RangeInfinity":    `UPDATE hms.lab_reference_range SET critical_high = 'Infinity' WHERE tenant_id = ?`,
		"RangeUpsideDown":  `UPDATE hms.lab_reference_range SET high = 3 WHERE tenant_id = ?`,
		"RangeEmptyAge":    `UPDATE hms.lab_reference_range SET age_from = 5, age_to = 5 WHERE tenant_id = ?`,
		"AnalyteUnit":      `UPDATE hms.lab_analyte SET unit = 'm m' WHERE tenant_id = ?`,
		"AnalyteLOINC":     `UPDATE hms.lab_analyte SET loinc = 'LA1-1' WHERE tenant_id = ?`,
		"TestTurnaround":   `UPDATE hms.lab_test SET turnaround_minutes = 0 WHERE tenant_id = ?`,
		"SpecimenIdentity": `UPDATE hms.lab_specimen SET two_identifiers = false WHERE tenant_id = ?`,
		"SpecimenOfTheFuture": `UPDATE hms.lab_specimen SET collected_at = created_at + interval '1 second'
			WHERE tenant_id = ?`,
		"SpecimenReceivedBefore": `UPDATE hms.lab_specimen SET received_at = collected_at - interval '1 second'
			WHERE tenant_id = ?`,
		"ItemWithoutSpecimen": `UPDATE hms.lab_order_item SET specimen_id = NULL WHERE tenant_id = ?`,
		"ItemFinalWithoutDate": `UPDATE hms.lab_order_item SET result_date = NULL
			WHERE tenant_id = ? AND status = 'final'`,
		"ItemFinalVerifiedByNobody": `UPDATE hms.lab_order_item SET verified_by = '', verified_at = NULL
			WHERE tenant_id = ? AND status = 'final'`,
		"ItemVerifiedByNobody": `UPDATE hms.lab_order_item SET status = 'verified'
			WHERE tenant_id = ? AND status = 'preliminary'`,
		"ItemVerifiedBefore": `UPDATE hms.lab_order_item SET verified_by = created_by, verified_at = now()
			WHERE tenant_id = ? AND status = 'preliminary'`,
		"ItemCancelledForNothing": `UPDATE hms.lab_order_item SET status = 'cancelled'
			WHERE tenant_id = ? AND status = 'preliminary'`,
		"OrderRevokedForNothing": `UPDATE hms.lab_order SET status = 'revoked'
			WHERE tenant_id = ? AND status = 'active'`,
		"AlertWithoutPerson": `UPDATE hms.lab_critical_alert
			SET status = 'acknowledged', comment = 'hms1:told', acknowledged_at = created_at WHERE tenant_id = ?`,
		"AlertWithoutComment": `UPDATE hms.lab_critical_alert
			SET status = 'acknowledged', acknowledged_at = created_at, comment = '',
			acknowledged_by = created_by WHERE tenant_id = ?`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := b.DB.NewRaw(query, b.Tenant).Exec(t.Context()) // as who may change every column
			require.ErrorIs(t, dbx.Map(err), hmstype.ErrInvalid)
		})
	}
	_, err := b.DB.NewRaw(`INSERT INTO hms.lab_critical_alert (tenant_id, id, result_id, order_item_id, analyte_id,
		patient_id, status, created_at, created_by, escalate_at)
		VALUES (?, hms.uuid_v7(), ?, ?, ?, ?, 'open', now(), 'system:test', now() + interval '1 hour')`,
		b.Tenant, alert.Result, out.Item.ID, alert.Analyte, alert.Patient).Exec(t.Context())
	require.ErrorContains(t, err, "lab_critical_alert_result_key", "one case per version")
	require.ErrorIs(t, b.try(t, `DELETE FROM hms.lab_order WHERE tenant_id = ?`, b.Tenant), hmstype.ErrPermissionDenied)
}

// Another tenant's context sees no row and cannot refer to one.
func TestTenantIsolation(t *testing.T) {
	t.Parallel()
	b, other := setup(t), setup(t)
	order, _ := b.final(t, b.potassium(t), b.adult(t), number("9.9"))
	for _, table := range []string{
		"lab_test", "lab_analyte", "lab_reference_range", "lab_order", "lab_order_item", "lab_specimen", "lab_result",
		"lab_critical_alert",
	} {
		require.NoError(t, other.InTx(t, other.Ctx, func(ctx context.Context, db dbx.DB) error {
			var n int
			require.NoError(t, db.NewRaw(`SELECT count(*) FROM hms.`+table).Scan(ctx, &n))
			require.Zero(t, n, table)
			return nil
		}))
	}
	_, err := other.lab.GetReport(other.doctor, order.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	require.Empty(t, other.alerts(t))
	err = other.try(t, `INSERT INTO hms.lab_order (tenant_id, id, number, patient_id, requester_id, created_at, created_by,
		status, priority)
		VALUES (?, hms.uuid_v7(), 'X', ?, ?, now(), 'system:test', 'active',
		'stat')`, other.Tenant, order.Patient, other.doctorID)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

// Every unique key and exclusion constraint of the package's tables has a domain error.
func TestConstraints_AreDeclared(t *testing.T) {
	t.Parallel()
	var found [][]string
	for _, step := range migrate.Steps() {
		if strings.HasPrefix(step.Name, "table_lab") {
			found = append(
				found, regexp.MustCompile(`CONSTRAINT (\w+) (?:UNIQUE|EXCLUDE)`).FindAllStringSubmatch(step.SQL, -1)...,
			)
		}
	}
	require.NotEmpty(t, found)
	for _, m := range found {
		require.True(t, dbx.IsDeclared(m[1]), m[1])
		require.LessOrEqual(t, len(m[1]), 50)
	}
}

// Whatever is entered, verified and corrected in whatever order: the versions of a result form one
// chain without gaps, a critical current value has a case that nothing supersedes, and another has none.
func TestResult_PropertyChainAndCases(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	rapid.Check(t, func(r *rapid.T) {
		order := b.drawn(t, who, test)
		item := order.Items[0]
		var last lab.Result
		steps := rapid.IntRange(1, 6).Draw(r, "steps")
		for range steps {
			value := rapid.SampledFrom([]string{"2", "4.0", "4", "6", "7.1", "7.10", "9"}).Draw(r, "value")
			var out lab.ItemResult
			var err error
			switch {
			case item.Status == lab.ItemPreliminary && rapid.Bool().Draw(r, "verify"):
				out, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(item), Release: true})
			case item.Status == lab.ItemCollected || item.Status == lab.ItemPreliminary:
				out, err = b.lab.EnterResult(b.tech, lab.EnterResultInput{ItemRef: ref(item), Values: []lab.EnteredValue{
					{Analyte: test.Analytes[0].ID, Value: number(value)},
				}})
			default:
				out, err = b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
					ItemRef: ref(item), Analyte: test.Analytes[0].ID, Value: number(value), Reason: "drawn",
				})
				if errors.Is(err, lab.ErrNoChange) {
					continue
				}
			}
			if err != nil {
				r.Fatalf("%v", err)
			}
			item, last = out.Item, out.Results[0]
		}
		requireChain(t, r, b, item.ID, last)
	})
}

func requireChain(t *testing.T, r *rapid.T, b *bundle, item hmstype.LabOrderItemID, last lab.Result) {
	t.Helper()
	count := func(query string) int { return dbtest.Scalar[int](t, b.Env, query, b.Tenant, item) }
	if n := count(
		`SELECT count(*) FROM hms.lab_result WHERE tenant_id = ? AND order_item_id = ?`,
	); int64(n) != last.Version {
		r.Fatalf("%d versions, the last is number %d", n, last.Version)
	}
	live := count(
		`SELECT count(*) FROM hms.lab_critical_alert WHERE tenant_id = ? AND order_item_id = ? AND superseded_by IS NULL`,
	)
	if (live == 1) != last.Critical || live > 1 {
		r.Fatalf("%d live cases, critical: %v", live, last.Critical)
	}
}
