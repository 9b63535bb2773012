package sealed

import (
	"context"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ProveDisclosuresInput selects the disclosures of one patient.
type ProveDisclosuresInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	After   int64             `json:"after"`   // only leaves from this index on: Next of the bundle before
	Limit   int               `json:"limit"`   // 1 to 5000; zero means 1000
	// ForStaff proves also those whose accounting is suspended: such a bundle must not be given
	// to the patient.
	ForStaff bool `json:"forStaff"`
}

func (in ProveDisclosuresInput) patient() ProvePatientInput {
	return ProvePatientInput{Patient: in.Patient, After: in.After, Limit: in.Limit}
}

// Validate implements the rules above.
func (in ProveDisclosuresInput) Validate() error { return in.patient().Validate() }

var opProveDisclosures = usecase.Query[ProveDisclosuresInput, PatientProof]{
	Name: "audit.prove_disclosures", Permission: hmstype.PermAuditRead,
	Shows:  patientProofs.One().As(string(audit.ActionExport)),
	Sample: ProveDisclosuresInput{Limit: 10, ForStaff: true},
}.Declare()

// ProveDisclosures gives the sealed events by which a patient's disclosures were recorded,
// suspended and corrected, with the proof that they are in the signed log: [VerifyProof]
// checks it without the database. It is an export of the patient's data, and recorded. Sealed
// texts stay sealed in it; the report shows them.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ProveDisclosures(ctx context.Context, in ProveDisclosuresInput) (PatientProof, error) {
	return opProveDisclosures.Run(ctx, &s.base, in, s.proveDisclosures)
}

func (s *Service) proveDisclosures(
	ctx context.Context, db dbx.DB, in ProveDisclosuresInput,
) (PatientProof, error) {
	sel := selectPatient(in.Patient)
	sel.condition += " AND e.entity = 'disclosure' AND e.action IN ('create', 'update')"
	if !in.ForStaff {
		var err error
		if sel.except, err = s.ports.Trail.SuspendedDisclosures(ctx, db.Conn(), in.Patient); err != nil {
			return PatientProof{}, err
		}
	}
	return provePatient(ctx, db, in.patient(), sel)
}
