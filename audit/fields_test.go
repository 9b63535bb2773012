package audit_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

func TestEvent_Fields(t *testing.T) {
	t.Parallel()
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	for _, tt := range []struct {
		name    string
		action  audit.Action
		changes string
		want    []audit.Field
		err     error
	}{
		{"created", audit.ActionCreate, `{"b": 1, "a": "x"}`, []audit.Field{
			{Name: "a", After: audit.Value{JSON: raw(`"x"`)}}, {Name: "b", After: audit.Value{JSON: raw(`1`)}}}, nil},
		{"removed", audit.ActionDelete, `{"a": null}`, []audit.Field{{Name: "a", Before: audit.Value{JSON: raw(`null`)}}},
			nil},
		{"updated", audit.ActionUpdate, `{"a": ["x", null]}`, []audit.Field{
			{Name: "a", Before: audit.Value{JSON: raw(`"x"`)}, After: audit.Value{JSON: raw(`null`)}}}, nil},
		{"sealed", audit.ActionUpdate, `{"a": ["old", "hms1:1:AAAA"]}`, []audit.Field{
			{Name: "a", Before: audit.Value{JSON: raw(`"old"`)}, After: audit.Value{JSON: raw(`"hms1:1:AAAA"`), Sealed: true}}},
			nil},
		{"a read", audit.ActionRead, ``, nil, nil},
		{"no pair", audit.ActionUpdate, `{"a": ["x"]}`, nil, audit.ErrChanges},
		{"no row", audit.ActionCreate, `["a"]`, nil, audit.ErrChanges},
		{"no JSON", audit.ActionUpdate, `{`, nil, audit.ErrChanges},
	} {
		fields, err := audit.Event{Action: tt.action, Changes: raw(tt.changes)}.Fields()
		require.ErrorIs(t, err, tt.err, tt.name)
		require.Equal(t, tt.want, fields, tt.name)
	}
}

func TestValue_Text(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		value audit.Value
		text  string
		ok    bool
	}{
		{audit.Value{JSON: json.RawMessage(`"it's"`)}, "it's", true},
		{audit.Value{JSON: json.RawMessage(`""`)}, "", true},
		{audit.Value{JSON: json.RawMessage(`12.50`)}, "12.50", true},
		{audit.Value{JSON: json.RawMessage(`["a"]`)}, `["a"]`, true},
		{audit.Value{JSON: json.RawMessage(`null`)}, "", false},
		{audit.Value{JSON: json.RawMessage(`"hms1:1:A"`), Sealed: true}, "", false},
		{audit.Value{}, "", false},
	} {
		text, ok := tt.value.Text()
		require.Equal(t, tt.text, text)
		require.Equal(t, tt.ok, ok, string(tt.value.JSON))
	}
}

// The history of a row: what stood there before and after, and of encrypted fields and their
// tokens only that they changed.
func TestService_ListEventsOfObject(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	patients := patient.New(env.Base, patient.Ports{})
	in := patient.RegisterInput{Details: patient.Details{LastName: "Before", Gender: patient.GenderOther,
		PhoneNumber: "555 0100"}}
	p, err := patients.Register(env.Ctx, in)
	require.NoError(t, err)
	in.Details.LastName, in.Details.PhoneNumber = "After", "555 0199"
	_, err = patients.Update(env.Ctx, patient.UpdateInput{ID: p.ID, Version: p.Version, Details: in.Details})
	require.NoError(t, err)

	list, err := audit.New(env.Base).ListEventsOfObject(env.Ctx, "patient", p.ID.String(), hmstype.Page{})
	require.NoError(t, err)
	require.Len(t, list.Items, 3, "created, shown, changed")
	fields, err := list.Items[0].Fields()
	require.NoError(t, err)
	names := make([]string, len(fields))
	for i, f := range fields {
		names[i] = f.Name
	}
	require.Equal(t, []string{"last_name", "phone_number", "version"}, names)
	before, _ := fields[0].Before.Text()
	after, _ := fields[0].After.Text()
	require.Equal(t, []string{"Before", "After"}, []string{before, after})
	for _, f := range fields[1:2] {
		require.True(t, f.Before.Sealed && f.After.Sealed, f.Name)
		require.NotContains(t, string(f.After.JSON), "0199")
	}

	env.Base.Crypt = fieldcrypt.New(nil)
	other := dbtest.New(t)
	other.Base.Crypt = fieldcrypt.New(nil)
	clear, err := patient.New(other.Base, patient.Ports{}).Register(other.Ctx, in)
	require.NoError(t, err)
	list, err = audit.New(other.Base).ListEventsOfObject(other.Ctx, "patient", clear.ID.String(), hmstype.Page{})
	require.NoError(t, err)
	fields, err = list.Items[0].Fields()
	require.NoError(t, err)
	for _, f := range fields {
		require.False(t, f.After.Sealed, "%s is in clear where no key is configured", f.Name)
	}
}

func TestEvent_FHIR(t *testing.T) {
	t.Parallel()
	for action, want := range map[audit.Action]string{
		audit.ActionCreate: "C", audit.ActionRead: "R", audit.ActionUpdate: "U", audit.ActionDelete: "D",
		audit.ActionSearch: "E",
		audit.ActionExport: "R", audit.ActionLogin: "E", audit.ActionVerify: "E", audit.ActionDenied: "E",
		"session_revoked": "E",
	} {
		require.Equal(t, want, audit.Event{Action: action}.Code(), action)
	}
	require.Equal(t, audit.OutcomeDenied, audit.Event{Action: audit.ActionDenied}.Outcome())
	require.Equal(t, audit.OutcomeDenied, audit.Event{Action: audit.ActionLoginFailed}.Outcome())
	require.Equal(t, audit.OutcomeSuccess, audit.Event{Action: audit.ActionRead}.Outcome())
}

func TestService_ListEventsOfUser(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Seen", false)
	user := env.User(t, identity.RoleDoctor)
	person := hmstype.WithActor(t.Context(), hmstype.HumanActor(env.Tenant, user.ID))
	program := hmstype.HumanActor(env.Tenant, user.ID)
	program.Kind = hmstype.ActorService
	for _, ctx := range []struct{ person, program bool }{{true, false}, {false, true}} {
		as := person
		if ctx.program {
			as = hmstype.WithActor(t.Context(), program)
		}
		_, err := patient.New(env.Base, patient.Ports{}).Get(as, p)
		require.NoError(t, err)
	}
	list, err := s.ListEventsOfUser(env.Ctx, user.ID, hmstype.Page{})
	require.NoError(t, err)
	require.Len(t, list.Items, 2, "as a person and as a program")
	require.Equal(t, p, list.Items[0].Patient)
}

// What the actor proved himself by is on every event, whoever writes it, and can be asked for.
func TestService_TrailOfCredentials(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	p := register(t, env, "Seen", false)
	actor := hmstype.HumanActor(env.Tenant, env.User(t, identity.RoleAdmin).ID)
	actor.Session = hmstype.NewID[hmstype.SessionID]()
	_, err := patient.New(env.Base, patient.Ports{}).Get(hmstype.WithActor(t.Context(), actor), p)
	require.NoError(t, err)
	register := patient.RegisterInput{Details: patient.Details{LastName: "New", Gender: patient.GenderOther}}
	_, err = patient.New(env.Base, patient.Ports{}).Register(hmstype.WithActor(t.Context(), actor), register)
	require.NoError(t, err)
	program := hmstype.Actor{Tenant: env.Tenant, User: actor.User, Kind: hmstype.ActorService,
		APIKey: hmstype.NewID[hmstype.APIKeyID]()}
	_, err = patient.New(env.Base, patient.Ports{}).Get(hmstype.WithActor(t.Context(), program), p)
	require.NoError(t, err)

	list, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Session: actor.Session})
	require.NoError(t, err)
	require.Len(t, list.Items, 2, "the read and, by the trigger, the registration")
	require.Equal(t, actor.Session, list.Items[0].Session)
	list, err = s.ListEvents(env.Ctx, audit.ListEventsInput{APIKey: program.APIKey})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, program.APIKey, list.Items[0].APIKey)
	require.Zero(t, list.Items[0].Session)
	_, err = s.ListEvents(env.Ctx, audit.ListEventsInput{APIKey: program.APIKey, Session: actor.Session})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

// Whoever may read the trail, but no restricted record, sees that there are events, not what
// they changed.
func TestService_TrailWithholds(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip, other := register(t, env, "Known", true), register(t, env, "Other", false)
	clerk := auditor(t, env)
	seen := func(events []audit.Event) map[hmstype.PatientID]bool {
		withheld := map[hmstype.PatientID]bool{}
		for _, e := range events {
			require.Equal(t, e.Withheld, e.Changes == nil)
			withheld[e.Patient] = e.Withheld
		}
		return withheld
	}
	query := audit.ListEventsInput{Entity: "patient", Actions: []audit.Action{audit.ActionCreate}}
	list, err := s.ListEvents(clerk, query)
	require.NoError(t, err)
	require.Equal(t, map[hmstype.PatientID]bool{vip: true, other: false}, seen(list.Items))
	list, err = s.ListEvents(env.As(t, identity.RoleAdmin), query)
	require.NoError(t, err)
	require.Equal(t, map[hmstype.PatientID]bool{vip: false, other: false}, seen(list.Items))
	var exported []audit.Event
	for e, err := range s.ExportEvents(clerk, audit.ExportEventsInput(query)) {
		require.NoError(t, err)
		exported = append(exported, e)
	}
	require.Equal(t, map[hmstype.PatientID]bool{vip: true, other: false}, seen(exported))
	for _, p := range []hmstype.PatientID{vip, other} {
		require.Equal(t, 2, dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
			AND patient_id = ?
			AND operation = 'audit.list_events' AND action = 'search'`, env.Tenant, p), "each patient is told of each look")
	}
}
