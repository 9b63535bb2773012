package facility

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opOrderDischarge = usecase.Command[usecase.ByID[hmstype.StayID], Stay]{
	Name: "facility.order_discharge", Permission: hmstype.PermAdmit, Shows: stays.One(),
}.Declare()

// OrderDischarge says that the patient may go. The bed stays occupied until [Service.Depart].
// Permission: [hmstype.PermAdmit].
func (s *Service) OrderDischarge(ctx context.Context, id hmstype.StayID) (Stay, error) {
	return opOrderDischarge.Run(ctx, &s.base, usecase.ID(id), orderDischarge)
}

func orderDischarge(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.StayID]) (Stay, error) {
	row, err := dbx.Get[stayRow](ctx, db, "stay", in.ID, dbx.ForUpdate)
	if err != nil {
		return Stay{}, err
	}
	if row.Status != StayActive {
		return Stay{}, ErrStayEnded
	}
	row.DischargeOrderedAt = db.Now
	err = dbx.Update(ctx, db, &row, "discharge_ordered_at")
	return row.stay(), err
}

// DepartInput says that a patient has left the bed.
type DepartInput struct {
	Stay         hmstype.StayID `json:"stay"`         // required; its discharge was ordered
	Contaminated bool           `json:"contaminated"` // the bed needs a terminal clean
}

// Validate implements the rules above.
func (in DepartInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Stay.IsZero(), "stay")
	return v.Err()
}

var opDepart = usecase.Command[DepartInput, Stay]{
	Name: "facility.depart", Permission: hmstype.PermAdmit, Shows: stays.One(),
	Sample: DepartInput{},
}.Declare()

// Depart ends the stay of a patient who has left. The bed then waits for cleaning, and is
// free only after that. [ErrDischargeNotOrdered], [ErrStayEnded].
// Permission: [hmstype.PermAdmit].
func (s *Service) Depart(ctx context.Context, in DepartInput) (Stay, error) {
	return opDepart.Run(ctx, &s.base, in, depart)
}

func depart(ctx context.Context, db dbx.DB, in DepartInput) (Stay, error) {
	row, err := dbx.Get[stayRow](ctx, db, "stay", in.Stay)
	if err != nil {
		return Stay{}, err
	}
	bed, err := lockBed(ctx, db, row.BedID)
	if err != nil {
		return Stay{}, err
	}
	row, err = endStay(ctx, db, row.ID, &bed, EndDischarge, in.Contaminated)
	return row.stay(), err
}

// endStay ends a stay whose bed is locked, and leaves the bed to be cleaned.
func endStay(
	ctx context.Context, db dbx.DB, id hmstype.StayID, bed *bedRow, reason EndReason, contaminated bool,
) (stayRow, error) {
	row, err := dbx.Step(ctx, db, staySteps, id, dbx.Change[stayRow, StayStatus]{
		To: StayCompleted, Reason: string(reason),
		Apply: func(row *stayRow) error {
			if reason == EndDischarge && row.DischargeOrderedAt.IsZero() {
				return ErrDischargeNotOrdered
			}
			row.EndsAt, row.EndReason = db.Now, reason
			return nil
		},
	})
	if errors.Is(err, hmstype.ErrInvalidTransition) {
		return row, ErrStayEnded
	}
	if err != nil {
		return row, err
	}
	to := BedHousekeeping
	if contaminated {
		to = BedContaminated
	}
	return row, bed.step(ctx, db, to)
}
