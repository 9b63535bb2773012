package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListDutiesInput selects duties. Empty fields select everything; set ones must all hold.
type ListDutiesInput struct {
	User hmstype.UserID `json:"user"` // whose; zero for everybody's
	DutyPlace
	During    hmstype.Period `json:"during"`    // those that share an instant with it; zero for all times
	Cancelled bool           `json:"cancelled"` // also those that were cancelled
	Page      hmstype.Page   `json:"page"`      // by start
}

// Validate implements the rules above.
func (in ListDutiesInput) Validate() error {
	var v hmstype.Validator
	in.DutyPlace.validate(&v)
	if in.During != (hmstype.Period{}) {
		v.Nested("during", in.During.Validate())
	}
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListDuties = usecase.Query[ListDutiesInput, hmstype.List[Duty]]{
	Name: "identity.list_duties", Permission: hmstype.PermDutyRead, Shows: usecase.Nobody[hmstype.List[Duty]](noRoster),
	Quiet:  noRoster,
	Sample: ListDutiesInput{DutyPlace: DutyPlace{Service: "Cardiology"}, During: usecase.SamplePeriod},
}.Declare()

// ListDuties lists duties by their start: a roster. What is stood in for is in it beside who stands in.
// Permission: [hmstype.PermDutyRead].
func (s *Service) ListDuties(ctx context.Context, in ListDutiesInput) (hmstype.List[Duty], error) {
	return opListDuties.Run(ctx, &s.base, in, listDuties)
}

func listDuties(ctx context.Context, db dbx.DB, in ListDutiesInput) (hmstype.List[Duty], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{At: "starts_at"}, dutyRow.duty, in.selected(), sharesTime(in.During),
		dbx.When(!in.User.IsZero(), dbx.Equal("user_id", in.User)),
		dbx.When(!in.Cancelled, dbx.Equal("status", DutyPlanned)))
}
