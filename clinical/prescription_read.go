package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetPrescription = usecase.Query[usecase.ByID[hmstype.PrescriptionID], Prescription]{
	Name: "clinical.get_prescription", Permission: hmstype.PermPrescriptionRead, Shows: prescriptions.One(),
}.Declare()

// GetPrescription gives a prescription, and records that it was read.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) GetPrescription(ctx context.Context, id hmstype.PrescriptionID) (Prescription, error) {
	return opGetPrescription.Run(ctx, &s.base, usecase.ID(id), getPrescription)
}

func getPrescription(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.PrescriptionID]) (Prescription, error) {
	row, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.ID)
	return row.prescription(), err
}

// ListPrescriptionsInput is the input of [Service.ListPrescriptions]; see [OfPatient].
type ListPrescriptionsInput OfPatient

// Validate implements the rules of [OfPatient].
func (in ListPrescriptionsInput) Validate() error { return OfPatient(in).Validate() }

var opListPrescriptions = usecase.Query[ListPrescriptionsInput, hmstype.List[Prescription]]{
	Name: "clinical.list_prescriptions", Permission: hmstype.PermPrescriptionRead, Shows: prescriptions.Page(),
	Sample: ListPrescriptionsInput{},
}.Declare()

// ListPrescriptions lists a patient's prescriptions of all states, the latest first.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) ListPrescriptions(
	ctx context.Context, in ListPrescriptionsInput,
) (hmstype.List[Prescription], error) {
	rule := ofPatient[ListPrescriptionsInput](dbx.Order{At: "created_at", Desc: true}, prescriptionRow.prescription)
	return opListPrescriptions.Run(ctx, &s.base, in, rule)
}

var opListEncounterPrescriptions = usecase.Query[usecase.ByID[hmstype.EncounterID], []Prescription]{
	Name: "clinical.list_encounter_prescriptions", Permission: hmstype.PermPrescriptionRead, Shows: prescriptions.All(),
}.Declare()

// ListEncounterPrescriptions gives the prescriptions of an encounter in the order of their writing.
// Permission: [hmstype.PermPrescriptionRead].
func (s *Service) ListEncounterPrescriptions(ctx context.Context, id hmstype.EncounterID) ([]Prescription, error) {
	return opListEncounterPrescriptions.Run(ctx, &s.base, usecase.ID(id), inEncounter(prescriptionRow.prescription))
}
