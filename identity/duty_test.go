package identity_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// roster is a hospital with a ward.
type roster struct {
	*dbtest.Env
	*identity.Service
	place identity.DutyPlace // the ward
}

func newRoster(t *testing.T) *roster {
	t.Helper()
	env := dbtest.New(t)
	r := &roster{Env: env, Service: env.Identity}
	r.place.Ward = r.ward(t)
	return r
}

func (r *roster) ward(t *testing.T) hmstype.WardID {
	t.Helper()
	ward, err := facility.New(r.Base, facility.Ports{}).CreateWard(r.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: hmstype.NewID[hmstype.WardID]().String(), Type: "general"},
	})
	require.NoError(t, err)
	return ward.ID
}

// hours gives a period from the clock's start on.
func hours(from, to int) hmstype.Period {
	return hmstype.Period{Start: hour(from), End: hour(to)}
}

func hour(n int) time.Time { return dbtest.Start.Add(time.Duration(n) * time.Hour) }

// on is the input of a duty at the ward.
func (r *roster) on(user hmstype.UserID, period hmstype.Period) identity.AssignDutyInput {
	return identity.AssignDutyInput{User: user, Kind: identity.DutyOnDuty, DutyPlace: r.place, Period: period}
}

func (r *roster) assign(t *testing.T, in identity.AssignDutyInput) identity.Duty {
	t.Helper()
	duty, err := r.AssignDuty(r.Ctx, in)
	require.NoError(t, err)
	return duty
}

// cover lets a colleague stand in.
func (r *roster) cover(
	t *testing.T, duty hmstype.DutyID, user hmstype.UserID, period hmstype.Period,
) identity.Duty {
	t.Helper()
	standIn, err := r.StandIn(r.Ctx, identity.StandInInput{Duty: duty, User: user, Period: period})
	require.NoError(t, err)
	return standIn
}

func (r *roster) cancel(id hmstype.DutyID) error {
	_, err := r.CancelDuty(r.Ctx, identity.CancelDutyInput{ID: id, Reason: "is ill"})
	return err
}

func (r *roster) setStatus(t *testing.T, user hmstype.UserID, status identity.UserStatus) {
	t.Helper()
	_, err := r.SetUserStatus(r.Ctx, identity.SetUserStatusInput{ID: user, Status: status})
	require.NoError(t, err)
}

// there gives who is on duty, as the list and as the port tell it, which must be the same.
func (r *roster) there(t *testing.T, in identity.ListOnDutyInput) []hmstype.UserID {
	t.Helper()
	list, err := r.ListOnDuty(r.Ctx, in)
	require.NoError(t, err)
	users := []hmstype.UserID{}
	for _, d := range list.Items {
		users = append(users, d.User)
	}
	if in.Kind == "" && in.Page == (hmstype.Page{}) {
		require.ElementsMatch(t, users, r.port(t, in))
	}
	return users
}

func (r *roster) port(t *testing.T, in identity.ListOnDutyInput) (users []hmstype.UserID) {
	t.Helper()
	require.NoError(t, r.Base.DB.InTx(r.Ctx, "test.on_duty", func(ctx context.Context, db dbx.DB) (err error) {
		at := in.At
		if at.IsZero() {
			at = db.Now
		}
		users, err = identity.NewPort(r.Base).OnDuty(ctx, db.Conn(), in.Ward, in.Service, in.Role, at)
		return err
	}))
	return users
}

func (r *roster) thereAt(t *testing.T, at time.Time) []hmstype.UserID {
	t.Helper()
	return r.there(t, identity.ListOnDutyInput{DutyPlace: r.place, At: at})
}

func TestService_AssignDuty(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	user := r.User(t, identity.RoleNurse).ID
	in := r.on(user, hours(1, 9))
	in.IdempotencyKey = "roster of March"
	first := r.assign(t, in)
	require.Equal(t, first, r.assign(t, in), "once")
	require.Equal(t, identity.DutyPlanned, first.Status)
	require.Equal(t, hours(1, 9), first.Period)
	got, err := r.GetDuty(r.Ctx, first.ID)
	require.NoError(t, err)
	require.Equal(t, first, got)

	cardiology := identity.DutyPlace{Service: "Cardiology"}
	served := r.assign(t, identity.AssignDutyInput{
		User: user, Kind: identity.DutyOnDuty, DutyPlace: cardiology, Period: hours(1, 9),
	})
	for name, tt := range map[string]struct {
		in  identity.AssignDutyInput
		way hmstype.DutyID // zero: none is in the way
	}{
		"Within":       {r.on(user, hours(2, 3)), first.ID},
		"Around":       {r.on(user, hours(0, 10)), first.ID},
		"Adjacent":     {r.on(user, hours(9, 10)), hmstype.DutyID{}},
		"Other":        {r.on(r.User(t).ID, hours(1, 9)), hmstype.DutyID{}},
		"OtherWard":    {identity.AssignDutyInput{DutyPlace: identity.DutyPlace{Ward: r.ward(t)}}, hmstype.DutyID{}},
		"OnCall":       {identity.AssignDutyInput{Kind: identity.DutyOnCall, DutyPlace: r.place}, hmstype.DutyID{}},
		"OtherService": {identity.AssignDutyInput{DutyPlace: identity.DutyPlace{Service: "Laboratory"}}, hmstype.DutyID{}},
		"Spelling":     {identity.AssignDutyInput{DutyPlace: identity.DutyPlace{Service: " CARDIOLOGY "}}, served.ID},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := tt.in
			if in.User.IsZero() {
				in.User, in.Period = user, hours(1, 9)
			}
			if in.Kind == "" {
				in.Kind = identity.DutyOnDuty
			}
			_, err := r.AssignDuty(r.Ctx, in)
			if tt.way.IsZero() {
				require.NoError(t, err)
				return
			}
			var overlap *identity.DutyOverlapError
			require.ErrorAs(t, err, &overlap)
			require.ErrorIs(t, err, hmstype.ErrAlreadyExists)
			require.Equal(t, identity.DutyOverlapError{Duty: tt.way, Period: hours(1, 9)}, *overlap)
		})
	}
	_, err = r.AssignDuty(r.As(t, identity.RoleNurse), r.on(user, hours(1, 9)))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_AssignDuty_Refuses(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	user := r.User(t).ID
	for path, change := range map[string]func(in *identity.AssignDutyInput){
		"user":       func(in *identity.AssignDutyInput) { in.User = hmstype.UserID{} },
		"kind":       func(in *identity.AssignDutyInput) { in.Kind = "asleep" },
		"ward":       func(in *identity.AssignDutyInput) { in.DutyPlace = identity.DutyPlace{} },
		"service":    func(in *identity.AssignDutyInput) { in.Service = " " },
		"period":     func(in *identity.AssignDutyInput) { in.Period.End = in.Period.Start.Add(identity.MaxDuty + 1) },
		"period.end": func(in *identity.AssignDutyInput) { in.Period = hours(-2, 0) },
		"duty_ward":  func(in *identity.AssignDutyInput) { in.Ward = hmstype.NewID[hmstype.WardID]() },
	} {
		in := r.on(user, hours(1, 9))
		change(&in)
		_, err := r.AssignDuty(r.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, path)
		require.Equal(t, path, hmstype.Fields(err)[0].Path)
	}
	for _, period := range []hmstype.Period{
		{Start: dbtest.Start, End: dbtest.Start.Add(identity.MinDuty)}, hours(24, 8*24),
	} {
		r.assign(t, r.on(user, period))
	}
	invited, err := r.CreateUser(r.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "grace", LastName: "Hopper", Email: "g@example.org"}, Invite: true,
	})
	require.NoError(t, err)
	r.assign(t, r.on(invited.ID, hours(1, 9)))
	require.Empty(t, r.there(t, identity.ListOnDutyInput{DutyPlace: r.place, At: dbtest.Start.Add(2 * time.Hour)}))
	r.setStatus(t, user, identity.UserDeactivated)
	_, err = r.AssignDuty(r.Ctx, r.on(user, hours(200, 201)))
	require.ErrorIs(t, err, identity.ErrDeactivated)
	_, err = r.AssignDuty(r.Ctx, r.on(hmstype.NewID[hmstype.UserID](), hours(1, 9)))
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}

// race runs n callers at once and tells how many won; the others must fail by one of the errors.
func race(t *testing.T, n int, call func(i int) error, losers ...error) int {
	t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, n)
	for i := range n {
		wg.Go(func() { errs[i] = call(i) })
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		lost := false
		for _, loser := range losers {
			lost = lost || errors.Is(err, loser)
		}
		require.True(t, lost, "%v", err)
	}
	return won
}

// Of many who assign one person to one place and time one does.
func TestService_AssignDuty_Concurrent(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	user := r.User(t).ID
	won := race(t, 32, func(i int) error {
		_, err := r.AssignDuty(r.Ctx, r.on(user, hours(1+i%3, 9)))
		return err
	}, identity.ErrDutyOverlap)
	require.Equal(t, 1, won)
	require.Equal(t, 1, dbtest.Scalar[int](t, r.Env, `SELECT count(*) FROM hms.duty WHERE tenant_id = ?`, r.Tenant))
	require.Equal(t, 1, dbtest.Scalar[int](t, r.Env, `SELECT count(*) FROM hms.outbox
		WHERE tenant_id = ? AND event_type = 'identity.duty_assigned'`, r.Tenant))
}

// Of many colleagues who stand in for one duty one does.
func TestService_StandIn_Concurrent(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	duty := r.assign(t, r.on(r.User(t).ID, hours(1, 9)))
	colleagues := make([]hmstype.UserID, 16)
	for i := range colleagues {
		colleagues[i] = r.User(t).ID
	}
	won := race(t, len(colleagues), func(i int) error {
		_, err := r.StandIn(r.Ctx, identity.StandInInput{Duty: duty.ID, User: colleagues[i]})
		return err
	}, identity.ErrStandInTaken)
	require.Equal(t, 1, won)
}

// A duty is cancelled or stood in for, and never both.
func TestService_CancelDuty_ConcurrentStandIn(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	for range 8 {
		duty, colleague := r.assign(t, r.on(r.User(t).ID, hours(1, 9))), r.User(t).ID
		won := race(t, 2, func(i int) error {
			if i == 0 {
				return r.cancel(duty.ID)
			}
			_, err := r.StandIn(r.Ctx, identity.StandInInput{Duty: duty.ID, User: colleague})
			return err
		}, identity.ErrDutyCancelled, identity.ErrDutyStoodInFor)
		require.Equal(t, 1, won)
	}
}

// Nobody is assigned whose account is closed at the same time, unless he was before.
func TestService_AssignDuty_ConcurrentDeactivation(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	for range 8 {
		user := r.User(t).ID
		won := race(t, 2, func(i int) error {
			if i == 0 {
				_, err := r.AssignDuty(r.Ctx, r.on(user, hours(0, 9)))
				return err
			}
			_, err := r.SetUserStatus(r.Ctx, identity.SetUserStatusInput{ID: user, Status: identity.UserDeactivated})
			return err
		}, identity.ErrDeactivated)
		require.GreaterOrEqual(t, won, 1)
	}
	require.Empty(t, r.thereAt(t, dbtest.Start), "and none of them is there")
}
