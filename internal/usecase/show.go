package usecase

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Entity says, once per type that services give out, whose data a value holds and what of it is
// sealed. Every use case that shows such values is declared by it, and the mechanism records,
// withholds, refuses and opens.
type Entity[T any] struct {
	Table   string                       // the table's name, as the trail has it
	Patient func(*T) hmstype.PatientID   // whose data it is; zero where nobody's
	ID      func(*T) string              // its id
	Texts   func(*T) []fieldcrypt.Record // what may be sealed; nil for nothing
	Keep    func(withheld, whole *T)     // puts back what work needs and no reader may miss; nil for nothing
	IsGrant bool                         // a break-glass grant itself: to make or end one is no use of it
}

// Shows says what a result of type Out shows of whom.
type Shows[Out any] struct {
	entity string
	nobody string
	action string // of the trail
	grant  bool   // see [Entity]
	many   bool   // of many patients: a restricted one's values are withheld; otherwise they are refused
	visit  func(out *Out, see func(shown))
	texts  func(out *Out) []fieldcrypt.Record
}

// shown is one value of a result.
type shown struct {
	patient  hmstype.PatientID
	id       string
	withhold func()
}

// Nobody says that a result shows nothing of a patient, and why.
func Nobody[Out any](why string) Shows[Out] { return Shows[Out]{nobody: why} }

// One is a result that is one value: read, it is refused where the patient's record is restricted
// and the actor may not see it; as the result of a command it is withheld.
func (e Entity[T]) One() Shows[T] {
	return Shows[T]{
		entity: e.Table, action: "read", grant: e.IsGrant,
		visit: func(out *T, see func(shown)) { see(e.shown(out)) },
		texts: func(out *T) []fieldcrypt.Record { return e.records(out) },
	}
}

// All is a list of one patient's values: refused like [Entity.One]. The patient is that of the
// values or, where there is none, that of [dbx.DB.About].
func (e Entity[T]) All() Shows[[]T] {
	return Shows[[]T]{
		entity: e.Table, action: "read",
		visit: func(out *[]T, see func(shown)) { e.each(*out, see) },
		texts: func(out *[]T) []fieldcrypt.Record { return e.recordsOf(*out) },
	}
}

// Page is a page of one patient's values, like [Entity.All].
func (e Entity[T]) Page() Shows[hmstype.List[T]] {
	return Shows[hmstype.List[T]]{
		entity: e.Table, action: "read",
		visit: func(out *hmstype.List[T], see func(shown)) { e.each(out.Items, see) },
		texts: func(out *hmstype.List[T]) []fieldcrypt.Record { return e.recordsOf(out.Items) },
	}
}

// Found is a page of many patients' values: those of restricted patients are withheld, and the
// search is recorded even where it found nothing.
func (e Entity[T]) Found() Shows[hmstype.List[T]] {
	s := e.Page()
	s.action, s.many = "search", true
	return s
}

// FoundAll is [Entity.Found] for a list without pages.
func (e Entity[T]) FoundAll() Shows[[]T] {
	s := e.All()
	s.action, s.many = "search", true
	return s
}

// As is the same under another action of the trail, such as "export".
func (s Shows[Out]) As(action string) Shows[Out] {
	s.action = action
	return s
}

func (e Entity[T]) each(items []T, see func(shown)) {
	for i := range items {
		see(e.shown(&items[i]))
	}
}

func (e Entity[T]) shown(v *T) shown {
	return shown{patient: e.Patient(v), id: e.ID(v), withhold: func() {
		whole := *v
		withhold(reflect.ValueOf(v).Elem())
		if e.Keep != nil {
			e.Keep(v, &whole)
		}
	}}
}

func (e Entity[T]) records(v *T) []fieldcrypt.Record {
	if e.Texts == nil {
		return nil
	}
	return e.Texts(v)
}

func (e Entity[T]) recordsOf(items []T) []fieldcrypt.Record {
	if e.Texts == nil {
		return nil
	}
	var all []fieldcrypt.Record
	for i := range items {
		all = append(all, e.Texts(&items[i])...)
	}
	return all
}

// withhold empties a value but for what says that it is there: ids, states, instants, who did it
// and the version. It goes by types, so that a field that is added later is withheld unless its
// type says otherwise; one whose type is kept is withheld by the tag hms:"withheld". A field named
// Withheld is set. A list of values that have such a field stays, each of them withheld: work on an
// order goes on by its items.
func withhold(v reflect.Value) {
	for i := range v.NumField() {
		field, f := v.Type().Field(i), v.Field(i)
		switch {
		case !field.IsExported():
		case field.Name == "Withheld" && field.Type.Kind() == reflect.Bool:
			f.SetBool(true)
		case keeps(field):
		case field.Type.Kind() == reflect.Struct && !isAtom(field.Type):
			withhold(f)
		case f.Kind() == reflect.Slice && f.Len() > 0 && canBeWithheld(field.Type.Elem()):
			f.Set(withheldList(f))
		default:
			f.SetZero()
		}
	}
}

func canBeWithheld(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	field, ok := t.FieldByName("Withheld")
	return ok && field.Type.Kind() == reflect.Bool
}

// withheldList gives a copy of the list with each value withheld; the list of the whole value stays.
func withheldList(list reflect.Value) reflect.Value {
	out := reflect.MakeSlice(list.Type(), list.Len(), list.Len())
	reflect.Copy(out, list)
	for i := range out.Len() {
		withhold(out.Index(i))
	}
	return out
}

func isAtom(t reflect.Type) bool {
	return t == reflect.TypeFor[hmstype.Date]() || t == reflect.TypeFor[decimal.Decimal]() ||
		t == reflect.TypeFor[hmstype.Money]()
}

// keeps tells whether a field says nothing of a patient but that there is something.
func keeps(field reflect.StructField) bool {
	t := field.Type
	switch {
	case field.Tag.Get("hms") == "withheld":
		return false // the type would keep it, and yet it tells of the patient
	case t == reflect.TypeFor[time.Time](), t == reflect.TypeFor[hmstype.ActorRef](),
		t == reflect.TypeFor[hmstype.Period]():
		return true
	case t.Kind() == reflect.Array && t.PkgPath() == reflect.TypeFor[hmstype.TenantID]().PkgPath():
		return true // an id
	case t.Kind() == reflect.String && t.Name() != "string" && strings.HasSuffix(t.Name(), "Status"):
		return true
	default:
		return field.Name == "Version" || (t.Kind() == reflect.String && t.Name() == "Status")
	}
}

// show records what a result shows, refuses or withholds what the actor may not see, and opens
// the sealed texts of the rest. It gives the patients who are shown.
//
// What a command changed is on the trail already, with the patient; only a replayed answer, which
// changed nothing, is recorded as a read, one of a command that may have found nothing to do, and
// what a break-glass grant opens, for its review.
func show[Out any](
	ctx context.Context, b *Base, db dbx.DB, op Op, s Shows[Out], out *Out, replayed bool,
) ([]hmstype.PatientID, error) {
	if s.visit == nil {
		return nil, nil
	}
	var all []shown
	s.visit(out, func(v shown) { all = append(all, v) })
	withheld, err := s.settle(ctx, db, all, op.writes || s.many)
	if err != nil {
		return nil, err
	}
	if err := record(ctx, b, db, op, s, all, withheld, replayed); err != nil {
		return nil, err
	}
	return patientsOf(all), b.Crypt.OpenTexts(ctx, db, s.texts(out)...)
}

// record writes what show says is to be recorded.
func record[Out any](
	ctx context.Context, b *Base, db dbx.DB, op Op, s Shows[Out], all []shown, withheld map[hmstype.PatientID]bool,
	replayed bool,
) error {
	if !op.writes || replayed || op.mayBeIdle && len(all) > 0 {
		return db.RecordShown(ctx, s.accesses(db, all, withheld)...)
	}
	if s.grant || len(all) == 0 {
		return nil
	}
	if b.DB.IsBound() || len(b.Hooks) > 0 { // somebody sees the result before the transaction has ended
		db.Shown(s.accesses(db, all, withheld)...)
	}
	opened := slices.DeleteFunc(slices.Clone(all), func(v shown) bool { return !db.Opened(v.patient) })
	if len(opened) == 0 {
		return nil
	}
	return db.RecordAccess(ctx, s.accesses(db, opened, withheld)...)
}

func patientsOf(all []shown) []hmstype.PatientID {
	var patients []hmstype.PatientID
	for _, v := range all {
		if !v.patient.IsZero() && !slices.Contains(patients, v.patient) {
			patients = append(patients, v.patient)
		}
	}
	return patients
}

// settle withholds the values of restricted patients. Where they are to be refused it does
// nothing: the database refuses to record the read.
func (s Shows[Out]) settle(
	ctx context.Context, db dbx.DB, all []shown, withholds bool,
) (map[hmstype.PatientID]bool, error) {
	if !withholds || db.SeesRestricted() {
		return nil, nil
	}
	patients := make([]hmstype.PatientID, len(all))
	for i, v := range all {
		patients[i] = v.patient
	}
	restricted, err := db.Restricted(ctx, patients...)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if restricted[v.patient] {
			v.withhold()
		}
	}
	return restricted, nil
}

// accesses says what was shown: one access per patient, with the row's id where it is the only
// one. Of a patient whose values are withheld the trail has a search, for nothing was read.
func (s Shows[Out]) accesses(db dbx.DB, all []shown, withheld map[hmstype.PatientID]bool) []dbx.Access {
	var list []dbx.Access
	at := map[hmstype.PatientID]int{}
	for _, v := range all {
		if i, known := at[v.patient]; known {
			list[i].ID = ""
			continue
		}
		at[v.patient] = len(list)
		access := dbx.Access{Action: s.action, Entity: s.entity, ID: v.id, Patient: v.patient}
		if withheld[v.patient] {
			access.Action = "search"
		}
		list = append(list, access)
	}
	if len(list) == 0 {
		list = append(list, dbx.Access{Action: s.action, Entity: s.entity, Patient: db.Subject()})
	}
	return list
}
