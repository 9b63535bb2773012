package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// StandInInput says who takes over whose duty.
type StandInInput struct {
	Duty hmstype.DutyID `json:"duty"` // of the other; required
	User hmstype.UserID `json:"user"` // who takes it over; required
	// the part of it, within its period and at least a minute; zero for all that is left of it
	Period         hmstype.Period `json:"period"`
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in StandInInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Duty.IsZero(), "duty")
	v.Required(!in.User.IsZero(), "user")
	if in.Period != (hmstype.Period{}) {
		validateDuty(&v, in.Period)
	}
	return v.Err()
}

var opStandIn = usecase.Command[StandInInput, Duty]{
	Name: "identity.stand_in", Permission: hmstype.PermDutyWrite, Shows: usecase.Nobody[Duty](noRoster),
	Key:    func(in StandInInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(d Duty) hmstype.DutyID { return d.ID }, getDuty),
	Sample: StandInInput{Period: usecase.SamplePeriod},
}.Declare()

// StandIn plans a colleague for another's duty, or a part of it, and gives the colleague's own: of the same kind and
// place. As long as he stands in, the other is not there; a stand-in may be stood in for as well.
// [ErrOwnStandIn] for the other's own person, [ErrStandInTaken] where somebody stands in then already,
// [ErrDutyOverlap] where the colleague is planned there himself, [ErrDutyCancelled], [ErrDeactivated].
// Permission: [hmstype.PermDutyWrite].
func (s *Service) StandIn(ctx context.Context, in StandInInput) (Duty, error) {
	return opStandIn.Run(ctx, &s.base, in, standIn)
}

func standIn(ctx context.Context, db dbx.DB, in StandInInput) (Duty, error) {
	colleague, err := assignable(ctx, db, in.User)
	if err != nil {
		return Duty{}, err
	}
	of, err := dbx.Get[dutyRow](ctx, db, "duty", in.Duty, dbx.ForUpdate) // who cancels it waits
	if err != nil {
		return Duty{}, err
	}
	other, err := dbx.Get[userRow](ctx, db, "user_account", of.UserID)
	if err != nil {
		return Duty{}, err
	}
	period, err := in.taken(of, db)
	switch {
	case err != nil:
		return Duty{}, err
	case of.Status == DutyCancelled:
		return Duty{}, ErrDutyCancelled
	case other.PersonID == colleague.PersonID:
		return Duty{}, ErrOwnStandIn
	}
	return insertDuty(ctx, db, dutyRow{
		UserID: in.User, Kind: of.Kind, DutyPlace: of.DutyPlace, StartsAt: period.Start, EndsAt: period.End,
		StandInForID: of.ID,
	})
}

// taken gives the part of a duty that is taken over; [ErrDutyOver] where nothing is left of it.
func (in StandInInput) taken(of dutyRow, db dbx.DB) (hmstype.Period, error) {
	left := of.period()
	if left.End.Sub(db.Now) < MinDuty {
		return left, ErrDutyOver
	}
	if in.Period == (hmstype.Period{}) {
		if left.Start.Before(db.Now) {
			left.Start = db.Now
		}
		return left, nil
	}
	part := hmstype.Period{Start: hmstype.Instant(in.Period.Start), End: hmstype.Instant(in.Period.End)}
	if part.Start.Before(left.Start) || part.End.After(left.End) {
		return part, hmstype.Invalid("period", "must lie within the duty's")
	}
	return part, nil
}
