package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReviseConditionInput changes what is known of a problem.
type ReviseConditionInput struct {
	ID            hmstype.ConditionID `json:"id"`            // required
	Version       int64               `json:"version"`       // the version that was read
	Status        ConditionStatus     `json:"status"`        // empty keeps it
	Verification  Verification        `json:"verification"`  // empty keeps it
	AbatementDate hmstype.Date        `json:"abatementDate"` // with a status of what is over; zero means unknown
	Reason        string              `json:"reason"`        // required for entered-in-error, up to 200 characters
}

// Validate implements the rules above.
func (in ReviseConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Check(in.Status != "" || in.Verification != "", "status", "nothing is to be changed")
	hmstype.OneOf(&v, in.Status, "status", append(ConditionTransitions.States(), "")...)
	hmstype.OneOf(
		&v, in.Verification, "verification", "", Unconfirmed, Provisional, Differential, Confirmed, Refuted, EnteredInError,
	)
	v.Check(in.AbatementDate.IsZero() || in.Status.over(), "abatementDate", "needs a status of what is over")
	v.Text(in.Reason, "reason", 0, 200)
	v.Check(
		(in.Verification == EnteredInError) == (in.Reason != ""), "reason", "required for entered-in-error, and only then",
	)
	return v.Err()
}

var opReviseCondition = usecase.Command[ReviseConditionInput, Condition]{
	Name: "clinical.revise_condition", Permission: hmstype.PermClinicalWrite, Shows: conditions.One(),
	Sample: ReviseConditionInput{Version: 1, Status: ConditionResolved, AbatementDate: usecase.SampleDay},
}.Declare()

// ReviseCondition changes the clinical or the verification status of a problem.
// [hmstype.ErrInvalidTransition] for a step that is not in [ConditionTransitions], or of a
// problem that was entered in error; [hmstype.ErrStale] where it was changed meanwhile.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) ReviseCondition(ctx context.Context, in ReviseConditionInput) (Condition, error) {
	return opReviseCondition.Run(ctx, &s.base, in, reviseCondition)
}

func reviseCondition(ctx context.Context, db dbx.DB, in ReviseConditionInput) (Condition, error) {
	row, err := dbx.Get[conditionRow](ctx, db, "condition", in.ID, dbx.ForUpdate)
	if err != nil {
		return Condition{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Condition{}, err
	}
	if row.Verification == EnteredInError {
		return Condition{}, errTerminal("condition", EnteredInError, in.Verification)
	}
	if err := refuseFuture(ctx, db, in.AbatementDate, "abatementDate"); err != nil {
		return Condition{}, err
	}
	isStep := in.Status != "" && in.Status != row.Status
	if isStep || !in.AbatementDate.IsZero() {
		row.AbatementDate = in.AbatementDate // another state has no end of the state before
	}
	if in.Verification != "" {
		row.Verification, row.ErrorReason = in.Verification, in.Reason
	}
	if isStep {
		step := dbx.Change[conditionRow, ConditionStatus]{To: in.Status, Reason: in.Reason}
		err = dbx.Move(ctx, db, conditionSteps, &row, step)
	} else {
		err = dbx.Update(ctx, db, &row, conditionSteps.Columns...)
	}
	return row.condition(), err
}
