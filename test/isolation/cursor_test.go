package isolation_test

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/day"
	"github.com/chelal/hms/internal/day/method"
	"github.com/chelal/hms/internal/dbtest/fixture"
)

// paged is a list under one filter.
type paged struct {
	list   string // whose cursors it takes
	name   string // of the method
	filter string
	read   func(cursor string) (next string, err error) // a page of one row
}

// goesOnFrom are methods that go on from a cursor of another one's.
var goesOnFrom = map[string]string{
	"audit.ExportEvents": "audit.ListEvents", "audit.ExportAccesses": "audit.ListAccesses",
	"audit.ListEventsOfUser": "audit.ListEvents", "audit.ListEventsOfObject": "audit.ListEvents",
	"audit.ListEventsOfPatient": "audit.ListEvents",
}

// filtersOf gives the ways in which a method's list can be asked for: with nothing, and as its declaration's sample
// with ids of the day; of a method without a page none.
func filtersOf(d *day.Day, m method.Method) []paged {
	t := m.Fn.Type()
	if t.NumIn() < 2 || len(pagesOf(zeros(t))) != 1 {
		return nil
	}
	info := method.Declared()[method.Operation(m.Name)]
	ways := [][]reflect.Value{zeros(t)}
	for turn := range 4 {
		for _, omit := range append([][]string{nil}, method.Omissions[m.Name]...) {
			ways = append(ways, method.Arguments(t, info, d.Clock.Now(), func(kind reflect.Type) reflect.Value {
				known := d.IDs[kind]
				if len(known) == 0 {
					return reflect.Value{}
				}
				return known[min(turn, len(known)-1)]
			}, omit...))
		}
	}
	var all []paged
	for _, args := range ways {
		p := paged{list: m.Name, name: m.Name, read: func(cursor string) (string, error) {
			given := slices.Clone(args)
			for i, a := range given {
				given[i] = reflect.New(a.Type()).Elem()
				given[i].Set(a)
			}
			pagesOf(given)[0].Set(reflect.ValueOf(hmstype.Page{Limit: 1, Cursor: cursor}))
			return nextOf(method.Drained(m.Fn.Call(append([]reflect.Value{reflect.ValueOf(d.Ctx)}, given...))))
		}}
		if list, ok := goesOnFrom[m.Name]; ok {
			p.list = list
		}
		pagesOf(args)[0].SetZero()
		for _, a := range args {
			p.filter += fmt.Sprintf("%+v ", a.Interface())
		}
		if !slices.ContainsFunc(all, func(q paged) bool { return q.filter == p.filter }) {
			all = append(all, p)
		}
	}
	return all
}

// zeros gives what a method takes beside its context, with nothing in it.
func zeros(t reflect.Type) []reflect.Value {
	var args []reflect.Value
	for i := 1; i < t.NumIn(); i++ {
		args = append(args, reflect.New(t.In(i)).Elem())
	}
	return args
}

// pagesOf gives the pages among arguments.
func pagesOf(args []reflect.Value) []reflect.Value {
	var pages []reflect.Value
	for _, a := range args {
		if a.Type() == reflect.TypeFor[hmstype.Page]() {
			pages = append(pages, a)
		} else if a.Kind() == reflect.Struct {
			for i := range a.NumField() {
				if a.Type().Field(i).Type == reflect.TypeFor[hmstype.Page]() {
					pages = append(pages, a.Field(i))
				}
			}
		}
	}
	return pages
}

// nextOf gives the cursor that a result holds; a stream's has none.
func nextOf(out []reflect.Value) (next string, err error) {
	if err, ok := out[len(out)-1].Interface().(error); ok && err != nil {
		return "", err
	}
	if out[0].Kind() == reflect.Struct {
		next = out[0].FieldByName("Next").String()
	}
	return next, nil
}

// A cursor goes on in the list that gave it, under the filter under which it was given, and is refused by every other
// list and under every other filter, with the field's path. Generated from the methods that take a page.
func TestCursors_AreOfOneListUnderOneFilter(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, day.WithLog(t))
	d := fixture.LivedDay(t, env)
	lists := []paged{{list: "hms.ListTenants", name: "hms.ListTenants", read: func(cursor string) (string, error) {
		page, err := env.H.ListTenants(d.Ctx, hmstype.Page{Limit: 1, Cursor: cursor})
		return page.Next, err
	}}}
	names := map[string]bool{}
	for _, m := range method.Public(env.H) {
		for _, p := range filtersOf(d, m) {
			if _, err := p.read(""); err == nil { // else an argument is wanted that this way does not give
				lists = append(lists, p)
				names[p.name] = true
			} else {
				require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(err), "%s %s: %v", p.name, p.filter, err)
			}
		}
	}
	require.Greater(t, len(names), 45)

	given, refused := map[string]bool{}, 0
	for _, from := range lists {
		cursor, err := from.read("")
		require.NoError(t, err)
		if cursor == "" || given[from.name] {
			continue // the day has one row of it, or another of its filters gave one
		}
		given[from.name] = true
		_, err = from.read(cursor)
		require.NoError(t, err, "%s goes on", from.name)
		for _, to := range lists {
			if to.list == from.list && (to.name != from.name || to.filter == from.filter) {
				continue
			}
			_, err := to.read(cursor)
			assert.Equal(t, []string{"page.cursor"}, pathsOf(err), "a cursor of %s %s in %s %s",
				from.name, from.filter, to.name, to.filter)
			refused++
		}
	}
	t.Logf("%d lists under %d filters; cursors of %d lists, refused %d times",
		len(names)+1, len(lists), len(given), refused)
	require.Greater(t, len(given), 20)
}

func pathsOf(err error) []string {
	var paths []string
	for _, f := range hmstype.Fields(err) {
		paths = append(paths, f.Path)
	}
	return paths
}
