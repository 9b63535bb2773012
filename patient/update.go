package patient

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// UpdateInput replaces what a person told at the desk.
type UpdateInput struct {
	ID      hmstype.PatientID `json:"id"`      // required
	Version int64             `json:"version"` // the version that the caller read; required
	Details
}

// Validate implements the rules above.
func (in UpdateInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	in.validate(&v)
	return v.Err()
}

var opUpdate = usecase.Command[UpdateInput, Patient]{
	Name: "patient.update", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Sample: UpdateInput{Version: 1, Details: sampleDetails},
}.Declare()

// Update changes a patient's details. [hmstype.ErrStale] where somebody else was faster,
// [ErrInactive] or [ErrMerged] where the record is not active. What the input leaves empty becomes
// empty. Whether the record is restricted or the person has died is nothing that a desk tells along with a
// telephone number: see [Service.SetRestricted], [Service.MarkDeceased] and [Service.RevokeDeath].
// Permission: [hmstype.PermPatientWrite].
func (s *Service) Update(ctx context.Context, in UpdateInput) (Patient, error) {
	return opUpdate.Run(ctx, &s.base, in, s.update)
}

func (s *Service) update(ctx context.Context, db dbx.DB, in UpdateInput) (Patient, error) {
	if err := refuseFutureBirth(ctx, db, in.BirthDate); err != nil {
		return Patient{}, err
	}
	row, err := changed{in.ID, in.Version}.lock(ctx, db)
	if err != nil {
		return Patient{}, err
	}
	if err := row.requireUsable(); err != nil {
		return Patient{}, err
	}
	keys, err := s.base.Crypt.Ensure(ctx, db, row.ID.UUID())
	if err != nil {
		return Patient{}, err
	}
	if err := row.setDetails(keys, in.Details); err != nil {
		return Patient{}, err
	}
	columns := dbx.ColumnsOf[Details]()
	if err := dbx.Update(ctx, db, &row, columns...); err != nil {
		return Patient{}, err
	}
	// See migrate/routine/patient/forget_tokens.sql.
	if _, err := db.Exec(ctx, `SELECT hms.forget_tokens($1, $2, false)`, db.Tenant(), row.ID); err != nil {
		return Patient{}, err
	}
	traits, err := traitsOf(ctx, db, keys, in.Details)
	if err != nil {
		return Patient{}, err
	}
	if err := insertTraits(ctx, db, row.ID, in.Details, traits); err != nil {
		return Patient{}, err
	}
	return withIdentifiers(ctx, db, row)
}
