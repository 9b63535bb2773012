package pharmacy

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Prescription is what this package needs to know of a prescription.
type Prescription struct {
	Patient      hmstype.PatientID
	Encounter    hmstype.EncounterID
	Item         hmstype.MedicationItemID
	Active       bool
	PrescribedBy hmstype.ActorRef
	Remaining    hmstype.Quantity // what may still be dispensed over all fills
	ValidUntil   hmstype.Date     // the last day
}

// PrescriptionSource gives prescriptions and is told what was dispensed on them. Both run
// in the deed's transaction, and the prescription stays locked until that ends.
type PrescriptionSource interface {
	LockPrescription(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID) (Prescription, error)
	RecordDispensed(ctx context.Context, conn bun.IConn, id hmstype.PrescriptionID, quantity hmstype.Quantity) error
}

// AllergyChecker gives the patient's active allergies that speak against a medication. An
// error means that it could not be checked, which is not the same as none.
type AllergyChecker interface {
	AllergyMatches(ctx context.Context, conn bun.IConn, patient hmstype.PatientID, codes []hmstype.Code, names []string) ([]hmstype.AllergyID, error)
}

// Ports are what this package needs of others.
type Ports struct {
	Patients      patient.Port       // required
	Prescriptions PrescriptionSource // nil: nothing is dispensed on a prescription
	Allergies     AllergyChecker     // nil: dispenses are marked as not checked
	Charges       charge.Poster      // nil charges nothing
}

// Service keeps the formulary and the stock of the actor's tenant.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, ports Ports) *Service {
	if ports.Charges == nil {
		ports.Charges = charge.None{}
	}
	return &Service{base: base, ports: ports}
}
