package identity_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestService_StandIn_OfADuty(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben, cho := r.User(t).ID, r.User(t).ID, r.User(t).ID
	duty := r.assign(t, r.on(ann, hours(0, 8)))
	standIn := func(user hmstype.UserID, period hmstype.Period) error {
		_, err := r.StandIn(r.Ctx, identity.StandInInput{Duty: duty.ID, User: user, Period: period})
		return err
	}
	for _, outside := range []hmstype.Period{hours(-1, 2), hours(7, 9), hours(8, 9)} {
		require.Equal(t, "period", hmstype.Fields(standIn(ben, outside))[0].Path)
	}
	require.ErrorIs(t, standIn(ann, hours(0, 8)), identity.ErrOwnStandIn)
	further, err := r.CreateUser(r.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "ann2", LastName: "Second"}, Person: ann,
	})
	require.NoError(t, err)
	require.ErrorIs(t, standIn(further.ID, hours(0, 8)), identity.ErrOwnStandIn, "by none of his accounts")
	require.ErrorIs(t, standIn(hmstype.NewID[hmstype.UserID](), hours(0, 8)), hmstype.ErrNotFound)

	taken := r.cover(t, duty.ID, ben, hours(2, 4))
	require.Equal(t, duty.ID, taken.StandsInFor)
	require.Equal(t, r.place, taken.DutyPlace)
	require.Equal(t, duty.Kind, taken.Kind)
	require.ErrorIs(t, standIn(cho, hours(3, 5)), identity.ErrStandInTaken)
	require.NoError(t, standIn(cho, hours(4, 5)), "half-open")
	require.ErrorIs(t, standIn(ben, hours(3, 6)), identity.ErrDutyOverlap, "he is there himself")
	r.cover(t, taken.ID, r.User(t).ID, hours(3, 4))

	r.Clock.Advance(6 * time.Hour)
	rest := r.cover(t, duty.ID, ben, hmstype.Period{})
	require.Equal(t, hours(6, 8), rest.Period, "what is left")
	gone := r.User(t).ID
	r.setStatus(t, gone, identity.UserDeactivated)
	require.ErrorIs(t, standIn(gone, hours(5, 8)), identity.ErrDeactivated)
	r.Clock.Advance(2 * time.Hour)
	require.ErrorIs(t, standIn(cho, hmstype.Period{}), identity.ErrDutyOver)
	_, err = r.StandIn(r.As(t, identity.RoleDoctor), identity.StandInInput{Duty: duty.ID, User: cho})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

// While somebody is to stand in for a duty it stays; when he is not any more, the other is back.
func TestService_CancelDuty(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben := r.User(t).ID, r.User(t).ID
	duty := r.assign(t, r.on(ann, hours(0, 8)))
	standIn := r.cover(t, duty.ID, ben, hours(1, 8))
	r.Clock.Advance(2 * time.Hour)
	require.ErrorIs(t, r.cancel(duty.ID), identity.ErrDutyStoodInFor)
	require.Equal(t, []hmstype.UserID{ben}, r.thereAt(t, r.Clock.Now()))
	require.NoError(t, r.cancel(standIn.ID))
	require.Equal(t, []hmstype.UserID{ann}, r.thereAt(t, r.Clock.Now()))
	require.Equal(t, []hmstype.UserID{ben}, r.thereAt(t, r.Clock.Now().Add(-time.Minute)), "what has passed stays")

	r.Clock.Advance(time.Hour)
	clerk := r.As(t, identity.RoleWardClerk)
	cancelled, err := r.CancelDuty(clerk, identity.CancelDutyInput{ID: duty.ID, Reason: "is ill"})
	require.NoError(t, err)
	require.Equal(t, identity.DutyCancelled, cancelled.Status)
	require.Equal(t, r.Clock.Now(), cancelled.CancelledAt)
	require.Equal(t, "is ill", cancelled.CancelReason)
	require.Empty(t, r.thereAt(t, r.Clock.Now()))
	list, err := r.ListOnDuty(r.Ctx, identity.ListOnDutyInput{At: r.Clock.Now().Add(-time.Minute)})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.Equal(t, r.Clock.Now(), list.Items[0].Until)
	require.ErrorIs(t, r.cancel(duty.ID), hmstype.ErrInvalidTransition)
	_, err = r.StandIn(r.Ctx, identity.StandInInput{Duty: duty.ID, User: ben})
	require.ErrorIs(t, err, identity.ErrDutyCancelled)
	history, err := r.GetDutyHistory(r.Ctx, duty.ID)
	require.NoError(t, err)
	require.Len(t, history.Steps, 1)
	require.Equal(t, "is ill", history.Steps[0].Reason)

	again := r.assign(t, r.on(ann, hours(3, 4)))
	r.Clock.Advance(time.Hour)
	require.ErrorIs(t, r.cancel(again.ID), identity.ErrDutyOver)
	require.Equal(t, "reason", hmstype.Fields(second(r.CancelDuty(r.Ctx, identity.CancelDutyInput{ID: again.ID})))[0].Path)
}

func second[T any](_ T, err error) error { return err }

// What must never be is refused by the database itself, whoever asks.
func TestDuty_Guards(t *testing.T) {
	t.Parallel()
	r := newRoster(t)
	ann, ben, gone := r.User(t).ID, r.User(t).ID, r.User(t).ID
	further, err := r.CreateUser(r.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "ann2", LastName: "Second"}, Person: ann,
	})
	require.NoError(t, err)
	r.setStatus(t, gone, identity.UserDeactivated)
	duty := r.assign(t, r.on(ann, hours(0, 8)))
	other := r.assign(t, r.on(r.User(t).ID, hours(0, 8)))
	r.cover(t, duty.ID, r.User(t).ID, hours(0, 4))
	dropped := r.assign(t, r.on(r.User(t).ID, hours(0, 8)))
	require.NoError(t, r.cancel(dropped.ID))
	elsewhere := newRoster(t)
	theirs := elsewhere.assign(t, elsewhere.on(elsewhere.User(t).ID, hours(0, 8)))

	// beside copies a duty with columns changed.
	beside := func(of identity.Duty, change string) string {
		return `INSERT INTO hms.duty SELECT (jsonb_populate_record(d, jsonb_build_object('id', gen_random_uuid()) || '` +
			change + `')).* FROM hms.duty AS d WHERE id = '` + of.ID.String() + `'`
	}
	standIn := func(of identity.Duty, user hmstype.UserID, more string) string {
		return beside(of, `{"user_id": "`+user.String()+`", "stand_in_for_id": "`+of.ID.String()+`", `+more+`}`)
	}
	set := func(of identity.Duty, change string) string {
		return `UPDATE hms.duty SET ` + change + ` WHERE id = '` + of.ID.String() + `'`
	}
	someone := func() string { return `"user_id": "` + r.User(t).ID.String() + `"` }
	late := `"starts_at": "2026-03-02T13:00:00Z"` // what of it is not stood in for yet
	nobody, nowhere := hmstype.NewID[hmstype.UserID]().String(), hmstype.NewID[hmstype.WardID]().String()
	planned := `"status": "planned", "cancel_reason": "", "cancelled_at": null`
	cancel := `status = 'cancelled', cancel_reason = 'x', cancelled_at = starts_at`
	for name, tt := range map[string]struct{ state, query string }{
		"Twice":             {"23P01", beside(duty, `{}`)},
		"TwiceInPart":       {"23P01", beside(duty, `{`+late+`, "ends_at": "2026-03-02T18:00:00Z"}`)},
		"StoodInForTwice":   {"23P01", standIn(duty, ben, `"version": 1`)},
		"NoPlace":           {"23514", beside(duty, `{"ward_id": null}`)},
		"KeyWithoutText":    {"23514", beside(duty, `{"service_key": "x"}`)},
		"TextWithoutKey":    {"23514", beside(duty, `{"service": "x"}`)},
		"UnknownKind":       {"23514", beside(duty, `{"kind": "asleep"}`)},
		"UnknownStatus":     {"23514", beside(duty, `{"status": "done"}`)},
		"Backwards":         {"23514", beside(duty, `{`+someone()+`, "ends_at": "2026-03-02T08:00:00Z"}`)},
		"LongerThanAWeek":   {"23514", beside(duty, `{`+someone()+`, "ends_at": "2026-03-09T09:00:00.000001Z"}`)},
		"CancelledUntold":   {"23514", set(other, `status = 'cancelled', cancelled_at = starts_at`)},
		"CancelledNever":    {"23514", set(other, `status = 'cancelled', cancel_reason = 'x'`)},
		"CancelledAfter":    {"23514", set(other, `status = 'cancelled', cancel_reason = 'x', cancelled_at = ends_at`)},
		"UnknownUser":       {"23503", beside(duty, `{"user_id": "`+nobody+`"}`)},
		"UnknownWard":       {"23503", beside(duty, `{`+someone()+`, "ward_id": "`+nowhere+`"}`)},
		"AnothersWard":      {"23503", beside(duty, `{`+someone()+`, "ward_id": "`+elsewhere.place.Ward.String()+`"}`)},
		"AnothersDuty":      {"23503", beside(duty, `{`+someone()+`, "stand_in_for_id": "`+theirs.ID.String()+`"}`)},
		"ClosedAccount":     {"HM005", beside(duty, `{"user_id": "`+gone.String()+`"}`)},
		"OwnStandIn":        {"HM006", standIn(duty, ann, late)},
		"OwnPerson":         {"HM006", standIn(duty, further.ID, late)},
		"OtherKind":         {"HM006", standIn(duty, ben, late+`, "kind": "on-call"`)},
		"OtherPlace":        {"HM006", standIn(duty, ben, late+`, "service": "x", "service_key": "x"`)},
		"BeforeIt":          {"HM006", standIn(duty, ben, `"starts_at": "2026-03-02T08:59:00Z"`)},
		"AfterIt":           {"HM006", standIn(duty, ben, late+`, "ends_at": "2026-03-02T17:01:00Z"`)},
		"OfACancelledOne":   {"HM006", standIn(dropped, ben, planned)},
		"CancelsStoodInFor": {"HM007", set(duty, cancel)},
		"Moved":             {"HM002", set(other, `ends_at = ends_at + interval '1 hour'`)},
		"GivenAway":         {"HM002", set(other, `user_id = '`+ben.String()+`'`)},
		"Rewritten":         {"HM002", set(dropped, `cancel_reason = 'another'`)},
		"BackAgain":         {"HM002", set(dropped, `status = 'planned', cancel_reason = '', cancelled_at = NULL`)},
		"Removed":           {"HM002", `DELETE FROM hms.duty WHERE id = '` + other.ID.String() + `'`},
	} {
		_, err := r.DB.ExecContext(t.Context(), tt.query)
		require.Equal(t, tt.state, dbx.SQLState(err), "%s: %v", name, err)
		require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(dbx.Map(err)), name)
	}
	for _, query := range []string{standIn(duty, ben, late), set(other, cancel)} {
		_, err := r.DB.ExecContext(t.Context(), query)
		require.NoError(t, err, "what is in order passes")
	}
	require.ErrorIs(t, dbx.Map(second(r.DB.ExecContext(t.Context(), beside(duty, `{}`)))), identity.ErrDutyOverlap)
	require.ErrorIs(t, dbx.Map(second(r.DB.ExecContext(t.Context(), standIn(duty, r.User(t).ID, late)))),
		identity.ErrStandInTaken)
	require.Equal(t, dbtest.Start, duty.Period.Start, "the instants above")
}
