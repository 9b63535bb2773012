package hospital_test

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbtest/fixture"
	"github.com/chelal/hms/internal/usecase"
)

// states are what can have become of a patient, by what the database then says of him.
var states = map[string]string{
	"alive":      "version = version",
	"restricted": "is_restricted = true",
	"dead":       "is_deceased = true, deceased_at = created_at",
	"merged":     "status = 'merged', merged_into_id = '%s'",
	"mistaken":   "status = 'entered-in-error'",
}

// walk is one patient, of whom everything is on record, and everything that the standard roles can do about him.
type walk struct {
	*day.Day
	roles  map[string]context.Context
	ids    map[reflect.Type]reflect.Value // what a use case is asked about, where that is not the day's first
	begun  []string                       // the tables of what begins
	before map[string]int                 // their rows of the patient
}

func newWalk(t *testing.T) *walk {
	t.Helper()
	env := hmstest.NewOwn(t, day.WithLog(t))
	w := &walk{Day: fixture.LivedDay(t, env), roles: map[string]context.Context{"host": env.Ctx}}
	for _, role := range dbtest.Texts(t, env.DB, `SELECT name FROM hms.role WHERE tenant_id = ? AND name <> ?`,
		env.Tenant, w.Role) {
		actor := hmstype.HumanActor(env.Tenant, env.User(t, role))
		actor.AuthenticatedAt = env.Now()
		w.roles[role] = hmstype.WithActor(t.Context(), actor)
	}
	require.Subset(t, slices.Collect(maps.Keys(w.roles)), []string{identity.RoleAdmin, identity.RoleDoctor,
		identity.RoleNurse, identity.RoleReceptionist, identity.RolePharmacist, identity.RoleLabTechnician})
	w.begun = dbtest.Texts(t, env.DB, `SELECT relname FROM pg_class WHERE relnamespace = 'hms'::regnamespace
		AND obj_description(oid, 'pg_class') = 'care' ORDER BY 1`)
	require.GreaterOrEqual(t, len(w.begun), 6)
	doctor, start := env.User(t, identity.RoleDoctor), env.Now().Add(90*24*time.Hour)
	here, err := env.H.Scheduling.Book(env.Ctx, scheduling.BookInput{
		Patient: w.Who.ID, Practitioner: doctor, Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
	})
	require.NoError(t, err)
	stock := env.Stock(t, 1000, "")
	rx := fixture.Prescription(t, env, stock.Item, 20, 1)
	w.ids = map[reflect.Type]reflect.Value{}
	for _, id := range []any{
		w.Who.ID, doctor, here.ID, env.Encounter(t, w.Who.ID, clinical.ClassEmergency).ID, env.Bed(t, "").ID,
		stock.Item.ID, stock.Location, rx.ID,
	} {
		w.ids[reflect.TypeOf(id)] = reflect.ValueOf(id)
	}
	return w
}

func (w *walk) id(t reflect.Type) reflect.Value {
	if id, ok := w.ids[t]; ok {
		return id
	}
	if all := w.IDs[t]; len(all) > 0 {
		return all[0]
	}
	return reflect.Zero(t)
}

// rows counts by table what has begun for the patient.
func (w *walk) rows(t *testing.T, tx bun.Tx) map[string]int {
	t.Helper()
	queries := make([]string, len(w.begun))
	for i, table := range w.begun {
		queries[i] = `SELECT '` + table + `' AS name, count(*) AS rows FROM hms.` + table + ` WHERE patient_id = ?0`
	}
	var list []struct {
		Name string
		Rows int
	}
	require.NoError(t, tx.NewRaw(strings.Join(queries, " UNION ALL "), w.Who.ID).Scan(t.Context(), &list))
	count := map[string]int{}
	for _, l := range list {
		count[l.Name] = l.Rows
	}
	return count
}

// call lets a role call a method and undoes what it did. It gives the tables in which something began.
func (w *walk) call(t *testing.T, role string, tx bun.Tx, m method.Method, info usecase.Info, omit []string) (
	began []string, err error,
) {
	t.Helper()
	exec := func(query string) {
		_, err := tx.NewRaw(query).Exec(t.Context())
		require.NoError(t, err, m.Name)
	}
	exec(`SAVEPOINT walk`)
	args := append([]reflect.Value{reflect.ValueOf(w.roles[role])},
		method.Arguments(m.Fn.Type(), info, w.Clock.Now(), w.id, omit...)...)
	out := method.Drained(m.Fn.Call(args))
	if last := out[len(out)-1]; !last.IsNil() {
		err, _ = last.Interface().(error)
	}
	if info.Writes && err == nil {
		for table, n := range w.rows(t, tx) {
			if n > w.before[table] {
				began = append(began, table)
			}
		}
	}
	exec(`ROLLBACK TO SAVEPOINT walk`)
	return began, err
}

// Every standard role, and the host, tries every use case on a patient in each state. Nothing begins for one who is
// dead, merged or mistaken, whoever asks; nobody is answered by a fault of ours; and for the living something begins in
// each of the tables, or the walk would show nothing.
func TestPatientStates_EveryRoleTriesEverything(t *testing.T) {
	t.Parallel()
	w := newWalk(t)
	declared := method.Declared()
	other := w.IDs[reflect.TypeFor[hmstype.PatientID]()]
	require.Greater(t, len(other), 1)
	began := map[string]map[string]bool{}
	for state, change := range states {
		change = strings.ReplaceAll(change, "%s", other[len(other)-1].Interface().(hmstype.PatientID).String())
		began[state] = map[string]bool{}
		tx, err := w.DB.BeginTx(t.Context(), nil)
		require.NoError(t, err)
		for _, statement := range []string{
			`SET LOCAL session_replication_role = replica`,
			`UPDATE hms.patient SET ` + change + ` WHERE id = '` + w.Who.ID.String() + `'`,
			`SET LOCAL session_replication_role = origin`,
		} {
			_, err = tx.NewRaw(statement).Exec(t.Context())
			require.NoError(t, err)
		}
		w.before = w.rows(t, tx)
		for _, role := range slices.Sorted(maps.Keys(w.roles)) {
			if state == "alive" && role != "host" {
				continue // what others may not is not asked here
			}
			for _, m := range method.Public(w.H.WithTx(tx)) {
				info := declared[method.Operation(m.Name)]
				omissions := method.Omissions[m.Name]
				if len(omissions) == 0 {
					omissions = [][]string{nil}
				}
				for _, omit := range omissions {
					tables, err := w.call(t, role, tx, m, info, omit)
					require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(err), "%s %s %s: %v", state, role, m.Name, err)
					for _, table := range tables {
						began[state][table] = true
						require.Contains(t, []string{"alive", "restricted"}, state, "%s %s began %s", role, m.Name, table)
					}
				}
			}
		}
		require.NoError(t, tx.Rollback())
	}
	require.Equal(t, w.begun, slices.Sorted(maps.Keys(began["alive"])))
	require.Equal(t, w.begun, slices.Sorted(maps.Keys(began["restricted"])), "work on the restricted goes on")
}
