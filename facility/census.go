package facility

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WardCensus is one ward at an instant.
type WardCensus struct {
	Ward     hmstype.WardID `json:"ward"`
	Name     string         `json:"name"`
	Beds     int            `json:"beds"`     // in use today, closed ones left out
	Patients int            `json:"patients"` // who lay in the ward at the instant
}

// GetCensusInput names the instant.
type GetCensusInput struct {
	At time.Time `json:"at,omitzero"` // required
}

// Validate requires the instant.
func (in GetCensusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.At.IsZero(), "at")
	return v.Err()
}

// longStay parts the two length classes; it is the same as the stored column is_long.
const longStay = 720 * time.Hour

var opGetCensus = usecase.Query[GetCensusInput, []WardCensus]{
	Name: "facility.get_census", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[[]WardCensus]("counts only"), Quiet: "counts only",
	Sample: GetCensusInput{At: usecase.SampleAt},
}.Declare()

// GetCensus counts who lay where at an instant, by ward name. It asks the two length classes,
// so that it is fast however many years of stays there are.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) GetCensus(ctx context.Context, in GetCensusInput) ([]WardCensus, error) {
	return opGetCensus.Run(ctx, &s.base, in, census)
}

func census(ctx context.Context, db dbx.DB, in GetCensusInput) ([]WardCensus, error) {
	at := hmstype.Instant(in.At)
	wards := []WardCensus{}
	// How many lie there at an instant depends on the instant: planned for it each time.
	err := db.Replanned().NewRaw(`SELECT w.id AS ward, w.name,
		(SELECT count(*) FROM hms.bed AS b WHERE b.tenant_id = ?0 AND b.ward_id = w.id AND b.status <> 'C') AS beds,
		coalesce(sum(lying.patients), 0)::bigint AS patients
		FROM hms.ward AS w LEFT JOIN (
			SELECT st.ward_id, count(*) AS patients FROM hms.stay AS st
			WHERE st.tenant_id = ?0 AND NOT st.is_long AND st.starts_at > ?2 AND st.starts_at <= ?1 AND st.ends_at > ?1
			AND st.status <> 'entered-in-error' GROUP BY st.ward_id
			UNION ALL
			SELECT st.ward_id, count(*) FROM hms.stay AS st
			WHERE st.tenant_id = ?0 AND st.is_long AND st.starts_at <= ?1 AND (st.ends_at IS NULL OR st.ends_at > ?1)
			AND st.status <> 'entered-in-error' GROUP BY st.ward_id
		) AS lying ON lying.ward_id = w.id
		WHERE w.tenant_id = ?0 GROUP BY w.id, w.name
		ORDER BY w.name, w.id`, db.Tenant(), at, at.Add(-longStay)).Scan(ctx, &wards)
	return wards, err
}
