package clinical

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Report is what [Service.Verify] found; every count should be zero.
type Report struct {
	OpenInpatientTwice int `json:"openInpatientTwice"` // patients with several open inpatient encounters
	OverDispensed      int `json:"overDispensed"`      // prescriptions of which more was dispensed than prescribed
}

// Clean tells whether nothing is wrong.
func (r Report) Clean() bool { return r == Report{} }

// String tells the verdict and what is wrong, for a terminal.
func (r Report) String() string {
	return usecase.ReportText(r.Clean(), "encounters and prescriptions",
		usecase.Fault{Count: int64(r.OpenInpatientTwice), What: "patients with several open inpatient encounters"},
		usecase.Fault{Count: int64(r.OverDispensed), What: "prescriptions of which more was dispensed than prescribed"})
}

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "clinical.verify", Permission: hmstype.PermClinicalRead,
	Shows: usecase.Nobody[Report]("sums only"), Quiet: "sums only",
}.Declare()

// Verify looks for what the database should have refused.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, verify)
}

func verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	var r Report
	err := db.Replanned().NewRaw(`SELECT
		(SELECT count(*) FROM (SELECT patient_id FROM hms.encounter WHERE tenant_id = ?0 AND class = 'IMP'
			AND status IN ('arrived', 'triaged', 'in-progress', 'onleave') GROUP BY patient_id HAVING count(*) > 1) AS twice)
				AS open_inpatient_twice,
		(SELECT count(*) FROM hms.prescription WHERE tenant_id = ?0
			AND dispensed_quantity > quantity * (1 + refills_allowed)) AS over_dispensed`, db.Tenant()).
		Scan(ctx, &r)
	return r, err
}
