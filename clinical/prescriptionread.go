package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// GetPrescription gives a prescription, and records that it was read.
func (s *Service) GetPrescription(ctx context.Context, id hmstype.PrescriptionID) (Prescription, error) {
	op := usecase.Op{Name: "prescription.get", Permission: hmstype.PermPrescriptionRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.PrescriptionID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, prescriptionText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PrescriptionID]) (Prescription, error) {
			row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID)
			if err != nil {
				return Prescription{}, err
			}
			return row.prescription(), db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "prescription", ID: row.ID.String(), Patient: row.PatientID})
		}))
}

// Prescriptions lists a patient's prescriptions of all states, the latest first.
func (s *Service) Prescriptions(ctx context.Context, in OfPatient) (hmstype.List[Prescription], error) {
	op := usecase.Op{Name: "prescription.list", Permission: hmstype.PermPrescriptionRead}
	return usecase.Read(ctx, &s.base, op, in, fieldcrypt.OpenedList(s.base.Crypt, prescriptionText, func(ctx context.Context, db dbx.DB, in OfPatient) (hmstype.List[Prescription], error) {
		return listOf(ctx, db, in, "prescription", dbx.Order{At: "prescribed_at", Desc: true}, prescriptionRow.prescription)
	}))
}

// EncounterPrescriptions gives the prescriptions of an encounter in the order of their writing.
func (s *Service) EncounterPrescriptions(ctx context.Context, id hmstype.EncounterID) ([]Prescription, error) {
	op := usecase.Op{Name: "prescription.of_encounter", Permission: hmstype.PermPrescriptionRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.EncounterID]{ID: id},
		fieldcrypt.OpenedAll(s.base.Crypt, prescriptionText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) ([]Prescription, error) {
			return inEncounter(ctx, db, in.ID, "prescription", prescriptionRow.prescription)
		}))
}
