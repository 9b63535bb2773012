package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// A duty holds its start and not its end; a stand-in's part is cut out of it the same way.
func TestService_ListOnDuty_Edges(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben, cho := r.User(t).ID, r.User(t).ID, r.User(t).ID
	duty := r.assign(t, r.on(ann, hours(0, 8)))
	covered := r.cover(t, duty.ID, ben, hours(2, 6))
	r.cover(t, covered.ID, cho, hours(4, 5))
	for _, tt := range []struct {
		at    time.Duration // after the start
		who   hmstype.UserID
		until int // hours after it
	}{
		{0, ann, 2}, {2*time.Hour - time.Microsecond, ann, 2}, {2 * time.Hour, ben, 4},
		{4*time.Hour - time.Microsecond, ben, 4}, {4 * time.Hour, cho, 5}, {5 * time.Hour, ben, 6},
		{6 * time.Hour, ann, 8}, {8*time.Hour - time.Microsecond, ann, 8},
	} {
		at := dbtest.Start.Add(tt.at)
		require.Equal(t, []hmstype.UserID{tt.who}, r.thereAt(t, at), tt.at)
		list, err := r.ListOnDuty(r.Ctx, identity.ListOnDutyInput{At: at})
		require.NoError(t, err)
		require.Equal(t, hour(tt.until), list.Items[0].Until, tt.at)
	}
	for _, at := range []time.Duration{-time.Microsecond, 8 * time.Hour} {
		require.Empty(t, r.thereAt(t, dbtest.Start.Add(at)), at)
	}
	longest := r.User(t).ID
	r.assign(t, r.on(longest, hours(24, 8*24)))
	for _, at := range []time.Duration{24 * time.Hour, 8*24*time.Hour - time.Microsecond} {
		require.Equal(t, []hmstype.UserID{longest}, r.thereAt(t, dbtest.Start.Add(at)), at)
	}
	require.Empty(t, r.thereAt(t, dbtest.Start.Add(8*24*time.Hour)))
}

// A night from 22:00 to 06:00 of the hospital's clocks lasts an hour less where they are put forward in it.
func TestService_ListOnDuty_AcrossANight(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	tenant := hmstype.NewID[hmstype.TenantID]()
	r.Ctx = hmstype.WithActor(t.Context(), hmstype.SystemActor(tenant, "test"))
	_, err := r.CreateTenant(r.Ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Madrid", TimeZone: "Europe/Madrid"},
	})
	require.NoError(t, err)
	r.place = identity.DutyPlace{Ward: r.ward(t)}
	zone, err := time.LoadLocation("Europe/Madrid")
	require.NoError(t, err)
	local := func(day, hour int) time.Time { return time.Date(2026, time.March, day, hour, 0, 0, 0, zone) }
	nurse := r.User(t, identity.RoleNurse).ID
	night := r.assign(t, r.on(nurse, hmstype.Period{Start: local(28, 22), End: local(29, 6)}))
	require.Equal(t, 7*time.Hour, night.Period.Duration())
	require.Equal(t, time.UTC, night.Period.Start.Location())
	for at, is := range map[time.Time]bool{
		local(28, 22).Add(-time.Microsecond): false, local(28, 22): true, local(29, 0): true, local(29, 1): true,
		local(29, 3): true, local(29, 6).Add(-time.Microsecond): true, local(29, 6): false, local(29, 22): false,
	} {
		require.Equal(t, is, len(r.thereAt(t, at)) == 1, at)
	}
	roster, err := r.ListDuties(r.Ctx, identity.ListDutiesInput{
		DutyPlace: r.place, During: hmstype.Period{Start: local(29, 0), End: local(30, 0)},
	})
	require.NoError(t, err)
	require.Equal(t, []identity.Duty{night}, roster.Items, "the morning after is the roster's of that day, too")
}

func TestService_ListOnDuty(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	hire := func(first, speciality, role string) hmstype.UserID {
		user, err := r.CreateUser(r.Ctx, identity.CreateUserInput{
			Profile: identity.Profile{Username: first, FirstName: first, LastName: "Test", Speciality: speciality},
			Roles:   []string{role},
		})
		require.NoError(t, err)
		return user.ID
	}
	call := identity.AssignDutyInput{
		User: hire("Cho", "Cardiology", identity.RoleDoctor), Kind: identity.DutyOnCall,
		DutyPlace: identity.DutyPlace{Service: "Cardiology"}, Period: hours(0, 24),
	}
	onCall := r.assign(t, call)
	both := call
	both.User, both.Ward = hire("Ben", "Surgery", identity.RoleDoctor), r.place.Ward
	r.assign(t, both)
	nurse := hire("Ann", "", identity.RoleNurse)
	r.assign(t, r.on(nurse, hours(1, 8)))
	at := dbtest.Start.Add(2 * time.Hour)
	cho, ben := call.User, both.User
	for name, tt := range map[string]struct {
		in   identity.ListOnDutyInput
		want []hmstype.UserID
	}{
		"All":  {identity.ListOnDutyInput{}, []hmstype.UserID{cho, ben, nurse}},
		"Ward": {identity.ListOnDutyInput{DutyPlace: r.place}, []hmstype.UserID{ben, nurse}},
		"Service": {
			identity.ListOnDutyInput{DutyPlace: identity.DutyPlace{Service: "cardiology"}}, []hmstype.UserID{cho, ben},
		},
		"WardService": {identity.ListOnDutyInput{DutyPlace: both.DutyPlace}, []hmstype.UserID{ben}},
		"OnCall":      {identity.ListOnDutyInput{Kind: identity.DutyOnCall}, []hmstype.UserID{cho, ben}},
		"Role":        {identity.ListOnDutyInput{Role: "nurse"}, []hmstype.UserID{nurse}},
		"NoRole":      {identity.ListOnDutyInput{Role: "Astronaut"}, []hmstype.UserID{}},
		"OtherWard":   {identity.ListOnDutyInput{DutyPlace: identity.DutyPlace{Ward: r.ward(t)}}, []hmstype.UserID{}},
	} {
		tt.in.At = at
		require.Equal(t, tt.want, r.there(t, tt.in), name)
	}
	require.Equal(t, []hmstype.UserID{nurse, cho, ben}, r.port(t, identity.ListOnDutyInput{At: at}),
		"those who are there first")
	require.Equal(t, []hmstype.UserID{cho, ben}, r.there(t, identity.ListOnDutyInput{}), "now")
	r.assign(t, identity.AssignDutyInput{User: nurse, Kind: identity.DutyOnCall, DutyPlace: r.place, Period: hours(1, 8)})
	require.Equal(t, []hmstype.UserID{nurse}, r.port(t, identity.ListOnDutyInput{At: at, Role: identity.RoleNurse}),
		"each once")

	page, err := r.ListOnDuty(r.As(t, identity.RoleReceptionist), identity.ListOnDutyInput{
		At: at, Page: hmstype.Page{Limit: 1},
	})
	require.NoError(t, err)
	require.Equal(t, []identity.OnDuty{{
		Duty: onCall.ID, User: cho, Kind: identity.DutyOnCall, DutyPlace: call.DutyPlace, FirstName: "Cho", LastName: "Test",
		Speciality: "Cardiology", Roles: []string{identity.RoleDoctor}, Until: hours(0, 24).End,
	}}, page.Items)
	rest, err := r.ListOnDuty(r.Ctx, identity.ListOnDutyInput{At: at, Page: hmstype.Page{Limit: 9, Cursor: page.Next}})
	require.NoError(t, err)
	require.Len(t, rest.Items, 3)
	_, err = r.ListOnDuty(r.As(t, identity.RoleCashier), identity.ListOnDutyInput{})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.Equal(t, "kind", hmstype.Fields(second(r.ListOnDuty(r.Ctx, identity.ListOnDutyInput{Kind: "asleep"})))[0].Path)
}

// Who may not act is not on duty, and whom he stands in for is not there either.
func TestService_ListOnDuty_ActiveAccountsOnly(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben, cho := r.User(t).ID, r.User(t).ID, r.User(t).ID
	duty := r.assign(t, r.on(ann, hours(0, 8)))
	standIn := r.cover(t, duty.ID, ben, hours(0, 8))
	r.assign(t, r.on(cho, hours(0, 8)))
	now := r.Clock.Now()
	require.ElementsMatch(t, []hmstype.UserID{ben, cho}, r.thereAt(t, now))
	r.setStatus(t, ben, identity.UserLocked)
	require.Equal(t, []hmstype.UserID{cho}, r.thereAt(t, now))
	r.setStatus(t, ben, identity.UserActive)
	require.ElementsMatch(t, []hmstype.UserID{ben, cho}, r.thereAt(t, now))
	r.setStatus(t, cho, identity.UserDeactivated)
	require.Equal(t, []hmstype.UserID{ben}, r.thereAt(t, now))
	require.NoError(t, r.cancel(standIn.ID))
	require.Equal(t, []hmstype.UserID{ann}, r.thereAt(t, now))
	require.NoError(t, r.cancel(duty.ID))
	require.Empty(t, r.thereAt(t, now))
}

func TestService_ListDuties(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben := r.User(t).ID, r.User(t).ID
	first := r.assign(t, r.on(ann, hours(0, 8)))
	later := r.assign(t, r.on(ben, hours(8, 16)))
	served := r.assign(t, identity.AssignDutyInput{
		User: ann, Kind: identity.DutyOnCall, DutyPlace: identity.DutyPlace{Service: "Laboratory"}, Period: hours(20, 30),
	})
	cancelled := r.assign(t, r.on(ben, hours(40, 41)))
	cancelled, err := r.CancelDuty(r.Ctx, identity.CancelDutyInput{ID: cancelled.ID, Reason: "is ill"})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		in   identity.ListDutiesInput
		want []identity.Duty
	}{
		"All":  {identity.ListDutiesInput{}, []identity.Duty{first, later, served}},
		"User": {identity.ListDutiesInput{User: ann}, []identity.Duty{first, served}},
		"Ward": {identity.ListDutiesInput{DutyPlace: r.place}, []identity.Duty{first, later}},
		"Service": {
			identity.ListDutiesInput{DutyPlace: identity.DutyPlace{Service: "LABORATORY"}}, []identity.Duty{served},
		},
		"During": {identity.ListDutiesInput{During: hours(8, 20)}, []identity.Duty{later}},
		"Since": {
			identity.ListDutiesInput{During: hmstype.Period{Start: hour(9)}}, []identity.Duty{later, served},
		},
		"Cancelled": {identity.ListDutiesInput{User: ben, Cancelled: true}, []identity.Duty{later, cancelled}},
	} {
		list, err := r.ListDuties(r.As(t, identity.RoleNurse), tt.in)
		require.NoError(t, err, name)
		require.Equal(t, tt.want, list.Items, name)
	}
	page, err := r.ListDuties(r.Ctx, identity.ListDutiesInput{Page: hmstype.Page{Limit: 2}})
	require.NoError(t, err)
	require.Equal(t, []identity.Duty{first, later}, page.Items)
	page, err = r.ListDuties(r.Ctx, identity.ListDutiesInput{Page: hmstype.Page{Limit: 2, Cursor: page.Next}})
	require.NoError(t, err)
	require.Equal(t, []identity.Duty{served}, page.Items)
	_, err = r.ListDuties(r.Ctx, identity.ListDutiesInput{During: hmstype.Period{End: dbtest.Start}})
	require.Equal(t, "during.start", hmstype.Fields(err)[0].Path)
}

// Another tenant neither sees nor touches a duty, whatever ids it knows.
func TestDuty_OfAnotherTenant(t *testing.T) {
	t.Parallel()
	r, stranger := newRoster(t), newRoster(t)
	user := r.User(t).ID
	duty := r.assign(t, r.on(user, hours(0, 8)))
	theirs := stranger.User(t).ID
	ctx := stranger.Ctx
	for name, call := range map[string]func(context.Context) error{
		"GetDuty":        func(ctx context.Context) error { return second(r.GetDuty(ctx, duty.ID)) },
		"GetDutyHistory": func(ctx context.Context) error { return second(r.GetDutyHistory(ctx, duty.ID)) },
		"CancelDuty": func(ctx context.Context) error {
			return second(r.CancelDuty(ctx, identity.CancelDutyInput{ID: duty.ID, Reason: "x"}))
		},
		"StandIn": func(ctx context.Context) error {
			return second(r.StandIn(ctx, identity.StandInInput{Duty: duty.ID, User: theirs}))
		},
		"AssignDuty": func(ctx context.Context) error { return second(r.AssignDuty(ctx, stranger.on(user, hours(1, 2)))) },
	} {
		require.ErrorIs(t, call(ctx), hmstype.ErrNotFound, name)
	}
	require.ErrorIs(t, second(r.AssignDuty(ctx, r.on(theirs, hours(1, 2)))), hmstype.ErrInvalid, "nor its ward")
	stranger.place = r.place
	require.Empty(t, stranger.thereAt(t, dbtest.Start))
	list, err := r.ListDuties(ctx, identity.ListDutiesInput{User: user})
	require.NoError(t, err)
	require.Empty(t, list.Items)
}
