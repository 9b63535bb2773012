package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Report is what [Service.Verify] found; every count should be zero.
type Report struct {
	BedOverlaps       int `json:"bedOverlaps"`       // pairs of stays in one bed at one time
	PatientOverlaps   int `json:"patientOverlaps"`   // pairs of stays of one patient at one time
	OccupiedButEmpty  int `json:"occupiedButEmpty"`  // beds marked as occupied in which nobody lies
	LyingButNotMarked int `json:"lyingButNotMarked"` // active stays in beds that are not marked as occupied
}

// Clean tells whether nothing is wrong.
func (r Report) Clean() bool { return r == Report{} }

// String tells the verdict and what is wrong, for a terminal.
func (r Report) String() string {
	return usecase.ReportText(r.Clean(), "stays and beds",
		usecase.Fault{Count: int64(r.BedOverlaps), What: "pairs of stays in one bed at one time"},
		usecase.Fault{Count: int64(r.PatientOverlaps), What: "pairs of stays of one patient at one time"},
		usecase.Fault{Count: int64(r.OccupiedButEmpty), What: "beds marked as occupied in which nobody lies"},
		usecase.Fault{Count: int64(r.LyingButNotMarked), What: "active stays in beds that are not marked as occupied"})
}

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "facility.verify", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[Report]("sums only"), Quiet: "sums only",
}.Declare()

// Verify looks for what the database should have refused.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, verify)
}

func verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	var r Report
	err := db.Replanned().NewRaw(`WITH stays AS (SELECT * FROM hms.stay WHERE tenant_id = ?0
			AND status <> 'entered-in-error'),
		clash AS (SELECT a.bed_id = b.bed_id AS of_bed, a.patient_id = b.patient_id AS of_patient
			FROM stays AS a JOIN stays AS b ON a.id < b.id AND (a.bed_id = b.bed_id OR a.patient_id = b.patient_id)
			AND a.starts_at < coalesce(b.ends_at, 'infinity') AND b.starts_at < coalesce(a.ends_at, 'infinity')
			AND a.starts_at < coalesce(a.ends_at, 'infinity') AND b.starts_at < coalesce(b.ends_at, 'infinity'))
		SELECT (SELECT count(*) FROM clash WHERE of_bed) AS bed_overlaps,
			(SELECT count(*) FROM clash WHERE of_patient) AS patient_overlaps,
			(SELECT count(*) FROM hms.bed AS b WHERE b.tenant_id = ?0 AND b.status = 'O'
				AND NOT EXISTS (SELECT 1 FROM stays WHERE stays.bed_id = b.id AND stays.status = 'active')) AS occupied_but_empty,
			(SELECT count(*) FROM stays JOIN hms.bed AS b ON b.tenant_id = ?0 AND b.id = stays.bed_id
				WHERE stays.status = 'active' AND b.status <> 'O') AS lying_but_not_marked`, db.Tenant()).Scan(ctx, &r)
	return r, err
}
