package patient

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// UpdateInput replaces what a person told at the desk.
type UpdateInput struct {
	ID      hmstype.PatientID // required
	Version int64             // the version that the caller read; required
	Details
	Restricted bool
	Deceased   bool
	DeceasedAt time.Time // zero means alive, or, where Deceased, at an unknown instant; not in the future
}

// Validate implements the rules above.
func (in UpdateInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "required")
	in.validate(&v)
	return v.Err()
}

// Update changes a patient's details. [hmstype.ErrStale] where somebody else was faster,
// [ErrInactive] or [ErrMerged] where the record is not active. What the input leaves empty becomes
// empty; see [Service.SetRestricted] and [Service.MarkDeceased] for changes of one thing.
func (s *Service) Update(ctx context.Context, in UpdateInput) (Patient, error) {
	op := usecase.Op{Name: "patient.update", Permission: hmstype.PermPatientWrite}
	return usecase.Write(ctx, &s.base, op, in, s.update)
}

func (s *Service) update(ctx context.Context, db dbx.DB, in UpdateInput) (Patient, error) {
	if err := refuseFutureBirth(ctx, db, in.BirthDate); err != nil {
		return Patient{}, err
	}
	if in.DeceasedAt.After(db.Now) {
		return Patient{}, hmstype.Invalid("deceasedAt", "must not lie in the future")
	}
	if _, err := s.port().Lock(ctx, db.Conn(), in.ID); err != nil {
		return Patient{}, err
	}
	row, err := dbx.Get[patientRow](ctx, db, "patient", in.ID)
	if err != nil {
		return Patient{}, err
	}
	// The record is shown as it was, for whoever restricts one sees the result of doing so.
	before, err := s.show(ctx, db, row)
	if err != nil {
		return Patient{}, err
	}
	keys, err := s.base.Crypt.Ensure(ctx, db, row.ID.UUID())
	if err != nil {
		return Patient{}, err
	}
	if err := row.setDetails(keys, in.Details); err != nil {
		return Patient{}, err
	}
	row.setDeceased(in.Deceased, in.DeceasedAt)
	row.IsRestricted = in.Restricted
	err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "first_name", "last_name", "birth_date", "birth_date_precision",
		"gender", "phone_number", "phone_normalized", "email", "address", "emergency_contact_name", "emergency_contact_phone", "is_restricted", "is_deceased", "deceased_at")
	if err != nil {
		return Patient{}, err
	}
	if _, err := db.Exec(ctx, `DELETE FROM hms.patient_token WHERE tenant_id = $1 AND patient_id = $2`, db.Tenant(), row.ID); err != nil {
		return Patient{}, err
	}
	if err := insertTokens(ctx, db, row); err != nil {
		return Patient{}, err
	}
	row.Version = in.Version + 1
	return row.patient(keys, before.Identifiers)
}
