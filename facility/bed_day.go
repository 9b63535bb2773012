package facility

import (
	"context"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PostBedDaysInput says up to when bed days are charged.
type PostBedDaysInput struct {
	AsOf time.Time `json:"asOf,omitzero"` // required; midnights up to it are charged
}

// Validate requires the instant.
func (in PostBedDaysInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

var opPostBedDays = usecase.Command[PostBedDaysInput, int]{
	Name: "facility.post_bed_days", Permission: hmstype.PermCharge, Shows: usecase.Nobody[int]("a count"),
	Quiet:  "the charges that it posts are on the trail",
	Sample: PostBedDaysInput{AsOf: usecase.SampleAt},
}.Declare()

// PostBedDays charges a bed day for every midnight of the tenant's zone that a patient lay
// in a bed, and one for a patient who came and left between two midnights and was not
// moved. A transfer so never costs a day twice. It is idempotent: run it as often as you
// like. It tells how many days it looked at.
// Permission: [hmstype.PermCharge].
func (s *Service) PostBedDays(ctx context.Context, in PostBedDaysInput) (int, error) {
	return opPostBedDays.Run(ctx, &s.base, in, s.postBedDays)
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
	rows, err := dbx.All[stayRow](ctx, db, dbx.Where("st.status <> ?", StayEnteredInError),
		dbx.Where("st.starts_at <= ?", in.AsOf), dbx.OrderBy("st.starts_at", "st.id"))
	if err != nil {
		return 0, err
	}
	posted := 0
	for _, r := range rows {
		if codes[r.WardID] == "" {
			continue
		}
		for i, day := range BedDays(r.stay().Period, in.AsOf, info.Zone, r.EndReason == EndDischarge) {
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
