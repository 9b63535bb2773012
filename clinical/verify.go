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
	// StandingInError: prescriptions and findings that stand, of an encounter that was entered in error.
	StandingInError int `json:"standingInError"`
}

// Clean tells whether nothing is wrong.
func (r Report) Clean() bool { return r == Report{} }

// String tells the verdict and what is wrong, for a terminal.
func (r Report) String() string {
	return usecase.ReportText(r.Clean(), "encounters and prescriptions",
		usecase.Fault{Count: int64(r.OpenInpatientTwice), What: "patients with several open inpatient encounters"},
		usecase.Fault{Count: int64(r.OverDispensed), What: "prescriptions of which more was dispensed than prescribed"},
		usecase.Fault{Count: int64(r.StandingInError), What: "prescriptions and findings of encounters in error"})
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
			AND dispensed_quantity > quantity * (1 + refills_allowed)) AS over_dispensed,
		(SELECT count(*) FROM hms.encounter AS e CROSS JOIN LATERAL (
			SELECT 1 FROM hms.prescription AS x WHERE x.tenant_id = ?0 AND x.encounter_id = e.id
				AND x.status <> 'entered-in-error'
			UNION ALL SELECT 1 FROM hms.vitals AS x WHERE x.tenant_id = ?0 AND x.encounter_id = e.id
				AND x.status <> 'entered-in-error'
			UNION ALL SELECT 1 FROM hms.clinical_note AS x WHERE x.tenant_id = ?0 AND x.encounter_id = e.id
				AND x.status <> 'entered-in-error'
			UNION ALL SELECT 1 FROM hms.condition AS x WHERE x.tenant_id = ?0 AND x.encounter_id = e.id
				AND x.verification_status <> 'entered-in-error') AS standing
			WHERE e.tenant_id = ?0 AND e.status = 'entered-in-error') AS standing_in_error`, db.Tenant()).
		Scan(ctx, &r)
	return r, err
}
