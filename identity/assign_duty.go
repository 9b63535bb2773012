package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AssignDutyInput says who is on duty, where and when.
type AssignDutyInput struct {
	User hmstype.UserID `json:"user"` // required
	Kind DutyKind       `json:"kind"` // required
	DutyPlace
	Period         hmstype.Period `json:"period"` // half-open, 1 minute to 7 days, not wholly in the past
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AssignDutyInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	hmstype.OneOf(&v, in.Kind, "kind", DutyOnDuty, DutyOnCall)
	in.DutyPlace.validate(&v)
	v.Check(!in.Ward.IsZero() || in.Service != "", "ward", "required unless there is a service")
	validateDuty(&v, in.Period)
	return v.Err()
}

var opAssignDuty = usecase.Command[AssignDutyInput, Duty]{
	Name: "identity.assign_duty", Permission: hmstype.PermDutyWrite, Shows: usecase.Nobody[Duty](noRoster),
	Key:   func(in AssignDutyInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(d Duty) hmstype.DutyID { return d.ID }, getDuty),
	Sample: AssignDutyInput{
		Kind: DutyOnDuty, DutyPlace: DutyPlace{Service: "Cardiology"}, Period: usecase.SamplePeriod,
	},
}.Declare()

// AssignDuty plans somebody for a ward or a service. [ErrDutyOverlap] (a *[DutyOverlapError]) where he has a duty of
// the same kind and place that shares an instant with it; half-open periods may touch. He may be on duty at one
// place and on call for another at once. [ErrDeactivated] for an account that is closed; one that is invited or
// locked may be planned for. It gives no permission.
// Permission: [hmstype.PermDutyWrite].
func (s *Service) AssignDuty(ctx context.Context, in AssignDutyInput) (Duty, error) {
	return opAssignDuty.Run(ctx, &s.base, in, assignDuty)
}

func assignDuty(ctx context.Context, db dbx.DB, in AssignDutyInput) (Duty, error) {
	if _, err := assignable(ctx, db, in.User); err != nil {
		return Duty{}, err
	}
	return insertDuty(ctx, db, dutyRow{
		UserID: in.User, Kind: in.Kind, DutyPlace: in.DutyPlace, StartsAt: in.Period.Start, EndsAt: in.Period.End,
	})
}
