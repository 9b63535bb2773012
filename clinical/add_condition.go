package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AddConditionInput describes a problem.
type AddConditionInput struct {
	Encounter        hmstype.EncounterID `json:"encounter"` // required, open
	ConditionDetails                     // an empty verification means confirmed
	IdempotencyKey   string              `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in AddConditionInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.ConditionDetails.validate(&v)
	return v.Err()
}

var opAddCondition = usecase.Command[AddConditionInput, Condition]{
	Name: "clinical.add_condition", Permission: hmstype.PermClinicalWrite, Shows: conditions.One(),
	Key:   func(in AddConditionInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(c Condition) hmstype.ConditionID { return c.ID }, getCondition),
	Sample: AddConditionInput{ConditionDetails: ConditionDetails{
		Code: hmstype.Code{System: hmstype.SystemICD10, Value: "J45", Display: "Asthma"}, OnsetDate: usecase.SampleDay,
	}},
}.Declare()

// AddCondition adds an active problem to the patient of an open encounter.
// Permission: [hmstype.PermClinicalWrite].
func (s *Service) AddCondition(ctx context.Context, in AddConditionInput) (Condition, error) {
	return opAddCondition.Run(ctx, &s.base, in, addCondition)
}

func addCondition(ctx context.Context, db dbx.DB, in AddConditionInput) (Condition, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Condition{}, err
	}
	if err := refuseFuture(ctx, db, in.OnsetDate, "onsetDate"); err != nil {
		return Condition{}, err
	}
	row := conditionRow{
		Header:    dbx.NewHeader[hmstype.ConditionID](db),
		PatientID: encounter.PatientID, EncounterID: encounter.ID,
		Status: ConditionActive, ConditionDetails: in.ConditionDetails,
	}
	if row.Verification == "" {
		row.Verification = Confirmed
	}
	return row.condition(), dbx.Insert(ctx, db, row)
}

func getCondition(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ConditionID]) (Condition, error) {
	row, err := dbx.Get[conditionRow](ctx, db, "condition", in.ID)
	return row.condition(), err
}
