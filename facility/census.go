package facility

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// WardCensus is one ward at an instant.
type WardCensus struct {
	Ward     hmstype.WardID
	Name     string
	Beds     int // in use today, closed ones left out
	Patients int // who lay in the ward at the instant
}

// CensusInput names the instant.
type CensusInput struct {
	At time.Time // required
}

// Validate requires the instant.
func (in CensusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.At.IsZero(), "at")
	return v.Err()
}

// longStay parts the two length classes; it is the twin of the stored column is_long.
const longStay = 720 * time.Hour

// Census counts who lay where at an instant, by ward name. It asks the two length classes,
// so that it is fast however many years of stays there are.
func (s *Service) Census(ctx context.Context, in CensusInput) ([]WardCensus, error) {
	op := usecase.Op{Name: "facility.census", Permission: hmstype.PermFacilityRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in CensusInput) ([]WardCensus, error) {
		at := hmstype.Instant(in.At)
		wards := []WardCensus{}
		err := db.NewRaw(`SELECT w.id AS ward, w.name,
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
			WHERE w.tenant_id = ?0 GROUP BY w.id, w.name ORDER BY w.name, w.id`, db.Tenant(), at, at.Add(-longStay)).Scan(ctx, &wards)
		return wards, err
	})
}

// Report is what [Service.Verify] found; every count should be zero.
type Report struct {
	BedOverlaps       int // pairs of stays in one bed at one time
	PatientOverlaps   int // pairs of stays of one patient at one time
	OccupiedButEmpty  int // beds marked as occupied in which nobody lies
	LyingButNotMarked int // active stays in beds that are not marked as occupied
}

// Clean tells whether nothing is wrong.
func (r Report) Clean() bool { return r == Report{} }

// Verify looks for what the database should have refused.
func (s *Service) Verify(ctx context.Context) (Report, error) {
	op := usecase.Op{Name: "facility.verify", Permission: hmstype.PermFacilityRead}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
		var r Report
		err := db.NewRaw(`WITH stays AS (SELECT * FROM hms.stay WHERE tenant_id = ?0 AND status <> 'entered-in-error'),
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
	})
}

// PostBedDaysInput says up to when bed days are charged.
type PostBedDaysInput struct {
	AsOf time.Time // required; midnights up to it are charged
}

// Validate requires the instant.
func (in PostBedDaysInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

// PostBedDays charges a bed day for every midnight of the tenant's zone that a patient lay
// in a bed, and one for a patient who came and left between two midnights and was not
// moved. A transfer so never costs a day twice. It is idempotent: run it as often as you
// like. It tells how many days it looked at.
func (s *Service) PostBedDays(ctx context.Context, in PostBedDaysInput) (int, error) {
	op := usecase.Op{Name: "facility.post_bed_days", Permission: hmstype.PermCharge}
	return usecase.Write(ctx, &s.base, op, in, s.postBedDays)
}

func (s *Service) postBedDays(ctx context.Context, db dbx.DB, in PostBedDaysInput) (int, error) {
	info, err := db.TenantInfo(ctx)
	if err != nil {
		return 0, err
	}
	codes, err := serviceCodes(ctx, db)
	if err != nil {
		return 0, err
	}
	rows, err := dbx.All[stayRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("st.status <> ?", StayEnteredInError).Where("st.starts_at <= ?", in.AsOf).Order("st.starts_at", "st.id")
	})
	if err != nil {
		return 0, err
	}
	posted := 0
	for _, r := range rows {
		if codes[r.WardID] == "" {
			continue
		}
		for i, day := range BedDays(r.stay().Period, in.AsOf, info.Zone, r.EndReason == "discharge") {
			_, err := s.ports.Charges.Post(ctx, db.Conn(), charge.Request{
				Source: charge.Source{Kind: "stay", ID: r.ID.String(), Line: i}, Patient: r.PatientID, Encounter: r.EncounterID,
				Service: codes[r.WardID], Quantity: decimal.NewFromInt(1), At: day,
			})
			if err != nil {
				return 0, err
			}
			posted++
		}
	}
	return posted, nil
}

func serviceCodes(ctx context.Context, db dbx.DB) (map[hmstype.WardID]string, error) {
	wards, err := dbx.All[wardRow](ctx, db)
	codes := map[hmstype.WardID]string{}
	for _, w := range wards {
		codes[w.ID] = w.ServiceCode
	}
	return codes, err
}

// BedDays gives the instants at which a stay owes a day: every midnight of the zone in
// [start, end) up to asOf. A stay that saw no midnight and ended by discharge owes one day,
// dated to its start: nobody is discharged for nothing.
func BedDays(stay hmstype.Period, asOf time.Time, zone *time.Location, discharged bool) []time.Time {
	end := asOf
	if !stay.IsOpen() && stay.End.Before(asOf) {
		end = stay.End
	}
	var days []time.Time
	for day := hmstype.DateOf(stay.Start, zone); ; day = day.AddDays(1) {
		midnight := day.In(zone)
		if !midnight.Before(end) {
			break
		}
		if !midnight.Before(stay.Start) {
			days = append(days, midnight.UTC())
		}
	}
	if len(days) == 0 && discharged && !stay.IsOpen() && !stay.End.After(asOf) {
		days = append(days, stay.Start.UTC())
	}
	return days
}
