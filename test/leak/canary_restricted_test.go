package leak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/usecase"
)

// After the canaries' day every patient's record is restricted. Every declared use case is then
// called as every standard role that holds its permission, with the ids of the day; none may show,
// in a result or an error, what somebody said of a patient.
func TestCanaries_RestrictedPatientsAreShownToNobody(t *testing.T) {
	t.Parallel()
	c := newHospital(t)
	c.live()
	_, err := c.db.ExecContext(t.Context(), `UPDATE hms.patient SET is_restricted = true`)
	require.NoError(t, err)
	w := &walk{hospital: c, declared: method.Declared(), ids: c.day.IDs}

	roles := 0
	all, err := c.h.Identity.ListRoles(c.sys)
	require.NoError(t, err)
	for _, role := range all {
		if slices.Contains(role.Permissions, hmstype.PermPatientRestricted) {
			continue
		}
		roles++
		w.as(t, role.Name, func(info usecase.Info, found []int, text string) {
			assert.Empty(t, found, "%s shows %s to the role %s: %.300s", info.Name, c.describe(found), role.Name, text)
		})
	}
	require.GreaterOrEqual(t, roles, 5)

	// Who may see restricted patients sees them by the same calls: otherwise the walk proves nothing.
	shown := map[string]bool{}
	w.as(t, c.day.Role, func(info usecase.Info, found []int, _ string) {
		if len(found) > 0 {
			shown[info.Name] = true
		}
	})
	t.Logf("restricted walk: %d roles, %d calls; %d use cases show a patient's words to who may see them", roles, w.calls,
		len(shown))
	require.NotEmpty(t, shown)
}

// walk calls every declared use case.
type walk struct {
	*hospital
	declared map[string]usecase.Info
	ids      method.IDs
	calls    int
}

// variants is how many of the day's ids of a kind are tried.
const variants = 4

// opensRecords is the one use case that is not called: it opens what the walk must find closed, in a
// transaction of its own, which no rollback undoes.
const opensRecords = "identity.break_the_glass"

// as walks as a new person with a role and tells the canaries of patients in each answer.
func (w *walk) as(t *testing.T, role string, tell func(usecase.Info, []int, string)) {
	t.Helper()
	ctx := w.day.Person(role)
	actor, err := hmstype.ActorFrom(ctx)
	require.NoError(t, err)
	for _, m := range method.Public(w.h) {
		info, ok := w.declared[method.Operation(m.Name)]
		if !ok || info.Proof != "" || info.Name == opensRecords {
			continue
		}
		if w.h.Identity.Authorize(ctx, actor, info.Permission) != nil {
			continue
		}
		for variant := range variants {
			text := w.put(t, ctx, m.Name, info, variant)
			tell(info, w.ofPatients(w.find(text)), text)
		}
	}
}

// put makes one call in a transaction that is rolled back, and gives result and error as text.
func (w *walk) put(t *testing.T, ctx context.Context, called string, info usecase.Info, variant int) string {
	t.Helper()
	tx, err := w.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback()) }()
	return w.call(t, ctx, w.h.WithTx(tx), called, info, variant)
}

// call makes one call of the library that is bound to a transaction, and gives result and error as text.
func (w *walk) call(
	t *testing.T, ctx context.Context, h *hms.HMS, called string, info usecase.Info, variant int,
) string {
	t.Helper()
	w.calls++
	bound := method.Public(h)
	fn := bound[slices.IndexFunc(bound, func(m method.Method) bool { return m.Name == called })].Fn
	id := func(kind reflect.Type) reflect.Value {
		known := w.ids[kind]
		if len(known) == 0 {
			return reflect.Value{}
		}
		return known[min(variant, len(known)-1)]
	}
	args := append([]reflect.Value{reflect.ValueOf(ctx)}, method.Arguments(fn.Type(), info, w.clock.Now(), id)...)
	var text strings.Builder
	for _, out := range method.Drained(fn.Call(args)) {
		if err, ok := out.Interface().(error); ok && err != nil {
			fmt.Fprintf(&text, "%v %+v", err, err)
			continue
		}
		body, err := json.Marshal(out.Interface())
		require.NoError(t, err)
		text.Write(body)
	}
	return text.String()
}

// ofPatients gives those canaries that were fed to use cases that show something of a patient.
func (w *walk) ofPatients(found []int) []int {
	return slices.DeleteFunc(found, func(n int) bool {
		path := strings.SplitN(w.paths[n], ".", 3)
		if len(path) < 3 || w.secrets[n] {
			return true
		}
		_, general := ofNobody[w.paths[n]]
		return general || w.declared[method.Operation(path[0]+"."+path[1])].Shows == ""
	})
}

// ofNobody are fields of use cases about a patient that say nothing of him, and why.
var ofNobody = map[string]string{}
