package hmstype_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
)

func TestID(t *testing.T) {
	t.Parallel()
	id := hmstype.NewID[hmstype.PatientID]()
	parsed, err := hmstype.ParseID[hmstype.PatientID](id.String())
	require.NoError(t, err)
	require.Equal(t, id, parsed)

	body, err := json.Marshal(map[string]hmstype.PatientID{"a": id, "none": {}})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":"`+id.String()+`","none":""}`, string(body))
	var back map[string]hmstype.PatientID
	require.NoError(t, json.Unmarshal(body, &back))
	require.Equal(t, id, back["a"])
	require.True(t, back["none"].IsZero())

	_, err = hmstype.ParseID[hmstype.BedID]("Jane Doe")
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	require.NotContains(t, err.Error(), "Jane")

	later := hmstype.NewID[hmstype.PatientID]()
	require.Less(t, id.String(), later.String(), "ids sort by creation")
}

func TestDate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"2024-02-29", true}, {"2023-02-29", false}, {"1900-02-29", false}, {"2000-02-29", true},
		{"0001-01-01", true}, {"0000-01-01", false}, {"2024-2-9", false}, {"", false}, {"2024-02-29T00:00:00Z", false},
	} {
		d, err := hmstype.ParseDate(tt.text)
		if !tt.ok {
			require.ErrorIs(t, err, hmstype.ErrInvalid, tt.text)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, tt.text, d.String())
	}
	require.Equal(t, hmstype.NewDate(2024, time.February, 29), hmstype.NewDate(2024, time.February, 3).EndOfMonth())
	require.Equal(t, 1, hmstype.NewDate(2024, 12, 31).DaysUntil(hmstype.NewDate(2025, 1, 1)))
	require.Equal(t, -1, hmstype.NewDate(2024, 1, 1).Compare(hmstype.NewDate(2024, 1, 2)))
}

func TestDate_AgeAt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		born, day string
		want      int
	}{
		{"2000-02-29", "2001-02-28", 0}, {"2000-02-29", "2001-03-01", 1}, {"2000-02-29", "2004-02-29", 4},
		{"1990-05-10", "2026-05-09", 35}, {"1990-05-10", "2026-05-10", 36}, {"2026-01-01", "2026-01-01", 0},
	} {
		born, err := hmstype.ParseDate(tt.born)
		require.NoError(t, err)
		day, err := hmstype.ParseDate(tt.day)
		require.NoError(t, err)
		require.Equal(t, tt.want, born.AgeAt(day), "%s at %s", tt.born, tt.day)
	}
}

func TestDate_BirthSurvivesEveryZone(t *testing.T) {
	t.Parallel()
	born := hmstype.NewDate(1947, time.June, 1)
	for _, name := range []string{"UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "America/Sao_Paulo", "Europe/Berlin"} {
		zone, err := time.LoadLocation(name)
		require.NoError(t, err)
		require.Equal(t, born, hmstype.DateOf(born.In(zone), zone))
		var scanned hmstype.Date
		require.NoError(t, scanned.Scan(time.Date(1947, 6, 1, 0, 0, 0, 0, time.UTC)))
		require.Equal(t, born, scanned)
	}
	// In Sao Paulo 2018-11-04 began at 01:00: midnight did not exist.
	zone, err := time.LoadLocation("America/Sao_Paulo")
	require.NoError(t, err)
	start := hmstype.NewDate(2018, time.November, 4).In(zone)
	require.Equal(t, 4, start.Day())
	require.Equal(t, 1, start.Hour())
}

func TestPeriod(t *testing.T) {
	t.Parallel()
	at := func(h int) time.Time { return time.Date(2026, 3, 2, h, 0, 0, 0, time.UTC) }
	morning, noon := hmstype.Period{Start: at(8), End: at(12)}, hmstype.Period{Start: at(12), End: at(13)}
	open := hmstype.Period{Start: at(11)}
	require.False(t, morning.Overlaps(noon), "half-open: one may begin where another ends")
	require.True(t, morning.Overlaps(open))
	require.True(t, open.Overlaps(noon))
	require.True(t, morning.Contains(at(8)))
	require.False(t, morning.Contains(at(12)))
	require.NoError(t, open.Validate())
	require.ErrorIs(t, hmstype.Period{Start: at(9), End: at(9)}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, hmstype.Period{}.Validate(), hmstype.ErrInvalid)
	require.ErrorIs(t, hmstype.Period{Start: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}.Validate(), hmstype.ErrInvalid)
}

func TestPage_CursorRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pos := hmstype.Position{
			At: time.UnixMicro(rapid.Int64Range(-5e13, 2e14).Draw(t, "micros")).UTC(),
			ID: hmstype.NewID[hmstype.PatientID]().UUID(),
		}
		back, ok, err := hmstype.Page{Cursor: pos.Cursor("list")}.Position("list")
		if err != nil || !ok || !back.At.Equal(pos.At) || back.ID != pos.ID {
			t.Fatalf("%v came back as %v, %v, %v", pos, back, ok, err)
		}
	})
}

// A cursor of one list would be a wrong page of another.
func TestPage_RefusesAnotherListsCursor(t *testing.T) {
	t.Parallel()
	cursor := hmstype.Position{At: time.UnixMicro(1).UTC()}.Cursor("users")
	_, ok, err := hmstype.Page{Cursor: cursor}.Position("bills")
	require.ErrorIs(t, err, hmstype.ErrBadCursor)
	require.False(t, ok)
	require.NoError(t, hmstype.Page{Cursor: cursor}.Validate(), "only the list can tell")
	_, ok, err = hmstype.Page{}.Position("bills")
	require.NoError(t, err)
	require.False(t, ok, "the first page of any list")
}

func FuzzPage_Position(f *testing.F) {
	f.Add("")
	f.Add(hmstype.Position{At: time.Now(), ID: hmstype.NewID[hmstype.PatientID]().UUID()}.Cursor("list"))
	f.Fuzz(func(t *testing.T, cursor string) {
		pos, ok, err := hmstype.Page{Cursor: cursor}.Position("list")
		switch {
		case err != nil:
			require.ErrorIs(t, err, hmstype.ErrInvalid)
		case ok:
			require.Equal(t, cursor, pos.Cursor("list"), "a cursor has one text")
		default:
			require.Empty(t, cursor)
		}
	})
}

func TestQuantity_Times(t *testing.T) {
	t.Parallel()
	q, err := hmstype.Quantity(30).Times(12)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(360), q)
	for _, tt := range [][2]int64{{1 << 40, 1 << 40}, {-1, 3}, {3, -1}, {int64(hmstype.MaxQuantity), 2}} {
		_, err := hmstype.Quantity(tt[0]).Times(tt[1])
		require.ErrorIs(t, err, hmstype.ErrQuantityOverflow)
	}
}

func TestKindOf(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want hmstype.Kind
	}{
		{nil, hmstype.KindNone},
		{errors.New("x"), hmstype.KindInternal},
		{hmstype.NotFound("bed", hmstype.NewID[hmstype.BedID]()), hmstype.KindNotFound},
		{hmstype.Invalid("a", "b"), hmstype.KindInvalid},
		{hmstype.Denied("x"), hmstype.KindPermissionDenied},
		{hmstype.ErrOutcomeUnknown, hmstype.KindUnavailable},
		{hmstype.ErrIdempotencyMismatch, hmstype.KindPrecondition},
		{&hmstype.Error{Op: "o", Err: fmt.Errorf("w: %w", hmstype.ErrStale)}, hmstype.KindStale},
		{&hmstype.TransitionError{}, hmstype.KindPrecondition},
	} {
		require.Equal(t, tt.want, hmstype.KindOf(tt.err), "%v", tt.err)
	}
}

func TestValidator(t *testing.T) {
	t.Parallel()
	var v hmstype.Validator
	v.Text("  ", "a", 1, 5)
	v.Text("abcdef", "b", 1, 5)
	v.Text("x\x00", "c", 0, 5)
	v.Text("\xff", "d", 0, 5)
	hmstype.OneOf(&v, "z", "e", "x", "y")
	v.Nested("f[2]", hmstype.Invalid("g", "required"))
	v.Text("line\nline\t", "ok", 0, 50)
	err := v.Err()
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	var paths []string
	for _, f := range hmstype.Fields(err) {
		paths = append(paths, f.Path)
	}
	require.Equal(t, []string{"a", "b", "c", "d", "e", "f[2].g"}, paths)
	require.NotContains(t, err.Error(), "abcdef", "an error never holds the value")
}

func TestTransitions(t *testing.T) {
	t.Parallel()
	type state string
	table := hmstype.Transitions[state]{"a": {"b", "c"}, "b": {"c"}}
	for _, from := range table.States() {
		for _, to := range table.States() {
			err := table.Check("thing", from, to)
			if table.Allows(from, to) {
				require.NoError(t, err)
				continue
			}
			var refused *hmstype.TransitionError
			require.ErrorAs(t, err, &refused)
			require.Equal(t, string(from), refused.From)
		}
	}
	require.Equal(t, []string{"a>b", "a>c", "b>c"}, table.Pairs())
}

func TestActorFrom(t *testing.T) {
	t.Parallel()
	tenant, user := hmstype.NewID[hmstype.TenantID](), hmstype.NewID[hmstype.UserID]()
	for name, tt := range map[string]struct {
		actor hmstype.Actor
		ok    bool
	}{
		"Human":             {hmstype.HumanActor(tenant, user), true},
		"System":            {hmstype.SystemActor(tenant, "x"), true},
		"DefaultIsHuman":    {hmstype.Actor{Tenant: tenant, User: user}, true},
		"NoTenant":          {hmstype.HumanActor(hmstype.TenantID{}, user), false},
		"NoUser":            {hmstype.Actor{Tenant: tenant}, false},
		"NamelessSystem":    {hmstype.SystemActor(tenant, ""), false},
		"SystemWithUser":    {hmstype.Actor{Tenant: tenant, User: user, Kind: hmstype.ActorSystem, Name: "x"}, false},
		"UnknownKind":       {hmstype.Actor{Tenant: tenant, User: user, Kind: "root"}, false},
		"EndlessRequestID":  {hmstype.Actor{Tenant: tenant, User: user, RequestID: strings.Repeat("x", 101)}, false},
		"EndlessSystemName": {hmstype.SystemActor(tenant, strings.Repeat("x", 61)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := hmstype.ActorFrom(hmstype.WithActor(t.Context(), tt.actor))
			if !tt.ok {
				require.ErrorIs(t, err, hmstype.ErrUnauthenticated)
				return
			}
			require.NoError(t, err)
			require.NotEmpty(t, got.Kind)
			require.NotEmpty(t, got.Purpose)
		})
	}
}

// A year that sixteen bits do not hold becomes no other one, and what has no text of ten characters is not written.
func TestDate_OutsideOfTheCalendar(t *testing.T) {
	t.Parallel()
	for _, year := range []int{-1 << 40, -65536 + 1990, -4712, -1, 0, 10000, 32767, 65536 + 1990, 294277, 1 << 40} {
		d := hmstype.NewDate(year, time.May, 17)
		require.False(t, d.Year() >= 1 && d.Year() <= 9999, "%d became %d", year, d.Year())
		_, err := d.MarshalText()
		require.ErrorIs(t, err, hmstype.ErrBadDate, year)
		_, err = d.Value()
		require.ErrorIs(t, err, hmstype.ErrInvalid, year)
	}
	for _, days := range []int{-1 << 60, 1 << 60} {
		y := hmstype.NewDate(2026, time.May, 17).AddDays(days).Year()
		require.False(t, y >= 1 && y <= 9999, "%d days lead to %d", days, y)
	}
	for _, text := range []string{"0001-01-01", "9999-12-31"} {
		d, err := hmstype.ParseDate(text)
		require.NoError(t, err)
		back, err := d.MarshalText()
		require.NoError(t, err)
		require.Equal(t, text, string(back))
	}
}
