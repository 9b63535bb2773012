package lab

import (
	"context"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// requireKnown refuses a patient whom the tenant does not have. What is on file of a merged
// or inactive record may be read; whether a restricted one may, the database decides when
// the read is recorded.
func (s *Service) requireKnown(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	_, err := s.ports.Patients.Require(ctx, db.Conn(), id)
	if errors.Is(err, patient.ErrMerged) || errors.Is(err, patient.ErrInactive) {
		return nil
	}
	return err
}
