package lab

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ReferenceRange says what is usual for an analyte in persons of one sex and age, in a
// period. Ages are days at collection; use [AgeMonths] and [AgeYears] at the edge. Ages and
// validity are half-open, so that one range may begin where another ends.
type ReferenceRange struct {
	ID        hmstype.ReferenceRangeID
	AnalyteID hmstype.LabAnalyteID
	Sex       Sex
	AgeFrom   int          // days, from 0
	AgeTo     *int         // days, the first that is too old; nil means no end
	ValidFrom hmstype.Date // first day
	ValidTo   hmstype.Date // the first day on which it is not valid; zero means no end
	Bounds
	VoidedAt   time.Time // zero means in force
	VoidReason string
	CreatedAt  time.Time // UTC
	Version    int64     // counts changes, from 1
}

type rangeRow struct {
	bun.BaseModel `bun:"table:hms.lab_reference_range,alias:rr"`
	dbx.Tenanted
	ID        hmstype.ReferenceRangeID `bun:"id,pk"`
	AnalyteID hmstype.LabAnalyteID
	Sex       Sex
	AgeFrom   int
	AgeTo     *int
	ValidFrom hmstype.Date
	ValidTo   hmstype.Date
	Bounds
	VoidedAt   time.Time `bun:",nullzero"`
	VoidReason string
	CreatedAt  time.Time
	Version    int64
}

func (r rangeRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

// fitsAge tells whether the range is for this age; a negative age is unknown and fits only
// a range for all ages.
func (r rangeRow) fitsAge(days int) bool {
	if days < 0 {
		return r.AgeFrom == 0 && r.AgeTo == nil
	}
	return days >= r.AgeFrom && (r.AgeTo == nil || days < *r.AgeTo)
}

func (r rangeRow) referenceRange() ReferenceRange {
	return ReferenceRange{
		ID: r.ID, AnalyteID: r.AnalyteID, Sex: r.Sex, AgeFrom: r.AgeFrom, AgeTo: r.AgeTo, ValidFrom: r.ValidFrom,
		ValidTo: r.ValidTo, Bounds: r.Bounds, VoidedAt: r.VoidedAt.UTC(), VoidReason: r.VoidReason,
		CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// AddReferenceRangeInput describes a new range.
type AddReferenceRangeInput struct {
	AnalyteID hmstype.LabAnalyteID // required; a numeric analyte
	Sex       Sex                  // required
	AgeFrom   int                  // days, from 0
	AgeTo     *int                 // days, more than AgeFrom; nil means no end
	ValidFrom hmstype.Date         // required
	ValidTo   hmstype.Date         // after ValidFrom; zero means no end
	Bounds                         // at least one, rising from CriticalLow to CriticalHigh
}

// maxAgeDays is more than anybody lives.
const maxAgeDays = 73_000

// Validate implements the rules above.
func (in AddReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AnalyteID.IsZero(), "analyteId")
	hmstype.OneOf(&v, in.Sex, "sex", SexAny, SexFemale, SexMale)
	v.Check(in.AgeFrom >= 0 && in.AgeFrom <= maxAgeDays, "ageFrom", "must lie between 0 and 73000 days")
	v.Check(in.AgeTo == nil || (*in.AgeTo > in.AgeFrom && *in.AgeTo <= maxAgeDays), "ageTo", "must be more than ageFrom and at most 73000 days")
	v.Required(!in.ValidFrom.IsZero(), "validFrom")
	v.Check(in.ValidTo.IsZero() || in.ValidTo.After(in.ValidFrom), "validTo", "must be after validFrom")
	in.validate(&v)
	return v.Err()
}

// AddReferenceRange adds a range. [RangeOverlapError] names the one that answers for some of
// the same persons and days already. Results that exist keep the range that they were
// compared with.
func (s *Service) AddReferenceRange(ctx context.Context, in AddReferenceRangeInput) (ReferenceRange, error) {
	op := usecase.Op{Name: "lab.add_reference_range", Permission: hmstype.PermLabManage}
	return usecase.Write(ctx, &s.base, op, in, addReferenceRange)
}

func addReferenceRange(ctx context.Context, db dbx.DB, in AddReferenceRangeInput) (ReferenceRange, error) {
	analyte, err := dbx.Get[analyteRow](ctx, db, "lab_analyte", in.AnalyteID)
	if err != nil {
		return ReferenceRange{}, err
	}
	if analyte.ValueType != ValueNumeric {
		return ReferenceRange{}, hmstype.Invalid("analyteId", "must be a numeric analyte")
	}
	row := rangeRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.ReferenceRangeID](),
		AnalyteID: in.AnalyteID, Sex: in.Sex, AgeFrom: in.AgeFrom, AgeTo: in.AgeTo, ValidFrom: in.ValidFrom,
		ValidTo: in.ValidTo, Bounds: in.Bounds, CreatedAt: db.Now, Version: 1,
	}
	free, err := dbx.InsertIfFree(ctx, db, &row)
	if err != nil {
		return ReferenceRange{}, err
	}
	if !free {
		return ReferenceRange{}, rangeInTheWay(ctx, db, row)
	}
	return row.referenceRange(), nil
}

// rangeInTheWay finds the range that overlaps, by plain columns.
func rangeInTheWay(ctx context.Context, db dbx.DB, row rangeRow) error {
	rows, err := dbx.All[rangeRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("rr.analyte_id = ?", row.AnalyteID).Where("rr.sex = ?", row.Sex).Where("rr.voided_at IS NULL").
			Where("rr.age_to IS NULL OR rr.age_to > ?", row.AgeFrom).
			Where("rr.valid_to IS NULL OR rr.valid_to > ?", row.ValidFrom)
		if row.AgeTo != nil {
			q = q.Where("rr.age_from < ?", *row.AgeTo)
		}
		if !row.ValidTo.IsZero() {
			q = q.Where("rr.valid_from < ?", row.ValidTo)
		}
		return q.Order("rr.id").Limit(1)
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return ErrRangeOverlap // it was voided or ended a moment ago
	}
	return &RangeOverlapError{Existing: rows[0].ID}
}

// EndReferenceRangeInput ends the validity of a range.
type EndReferenceRangeInput struct {
	ID      hmstype.ReferenceRangeID // required
	Version int64                    // the version that the caller read
	ValidTo hmstype.Date             // required, after its first day: the first day on which it is not valid
}

// Validate implements the rules above.
func (in EndReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Required(!in.ValidTo.IsZero(), "validTo")
	return v.Err()
}

// EndReferenceRange sets the day from which a range is not valid, so that another may
// follow. [hmstype.ErrStale] for an old version.
func (s *Service) EndReferenceRange(ctx context.Context, in EndReferenceRangeInput) (ReferenceRange, error) {
	op := usecase.Op{Name: "lab.end_reference_range", Permission: hmstype.PermLabManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in EndReferenceRangeInput) (ReferenceRange, error) {
		return changeRange(ctx, db, in.ID, in.Version, func(row *rangeRow) ([]string, error) {
			if !in.ValidTo.After(row.ValidFrom) || (!row.ValidTo.IsZero() && in.ValidTo.After(row.ValidTo)) {
				return nil, hmstype.Invalid("validTo", "must be after the first day and not after the day on which it ends already")
			}
			row.ValidTo = in.ValidTo
			return []string{"valid_to"}, nil
		})
	})
}

// VoidReferenceRangeInput takes back a range that was entered by mistake.
type VoidReferenceRangeInput struct {
	ID      hmstype.ReferenceRangeID // required
	Version int64                    // the version that the caller read
	Reason  string                   // required, up to 500 characters
}

// Validate implements the rules above.
func (in VoidReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	reason(&v, in.Reason)
	return v.Err()
}

// VoidReferenceRange takes back a range. Results that were compared with it keep their
// snapshot; correct them where they need it. [hmstype.ErrStale] for an old version.
func (s *Service) VoidReferenceRange(ctx context.Context, in VoidReferenceRangeInput) (ReferenceRange, error) {
	op := usecase.Op{Name: "lab.void_reference_range", Permission: hmstype.PermLabManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in VoidReferenceRangeInput) (ReferenceRange, error) {
		return changeRange(ctx, db, in.ID, in.Version, func(row *rangeRow) ([]string, error) {
			row.VoidedAt, row.VoidReason = db.Now, in.Reason
			return []string{"voided_at", "void_reason"}, nil
		})
	})
}

func changeRange(ctx context.Context, db dbx.DB, id hmstype.ReferenceRangeID, version int64, change func(*rangeRow) ([]string, error)) (ReferenceRange, error) {
	row, err := dbx.Get[rangeRow](ctx, db, "lab_reference_range", id, dbx.ForUpdate)
	if err != nil {
		return ReferenceRange{}, err
	}
	if row.Version != version {
		return ReferenceRange{}, hmstype.ErrStale
	}
	if !row.VoidedAt.IsZero() {
		return ReferenceRange{}, hmstype.ErrInvalidTransition
	}
	columns, err := change(&row)
	if err != nil {
		return ReferenceRange{}, err
	}
	if err := dbx.UpdateVersioned(ctx, db, &row, version, columns...); err != nil {
		return ReferenceRange{}, err
	}
	row.Version = version + 1
	return row.referenceRange(), nil
}

// ReferenceRangesInput asks for the ranges of an analyte.
type ReferenceRangesInput struct {
	AnalyteID hmstype.LabAnalyteID // required
	Page      hmstype.Page
}

// Validate implements the rules above.
func (in ReferenceRangesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AnalyteID.IsZero(), "analyteId")
	checkPage(&v, in.Page)
	return v.Err()
}

// ReferenceRanges lists the ranges of an analyte, also ended and voided ones, oldest first.
func (s *Service) ReferenceRanges(ctx context.Context, in ReferenceRangesInput) (hmstype.List[ReferenceRange], error) {
	op := usecase.Op{Name: "lab.reference_ranges", Permission: hmstype.PermLabRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in ReferenceRangesInput) (hmstype.List[ReferenceRange], error) {
		rows, next, err := dbx.Page[rangeRow](ctx, db, in.Page, dbx.Order{}, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where("rr.analyte_id = ?", in.AnalyteID)
		})
		list := hmstype.List[ReferenceRange]{Next: next, Items: make([]ReferenceRange, len(rows))}
		for i, r := range rows {
			list.Items[i] = r.referenceRange()
		}
		return list, err
	})
}

// rangesOn gives the ranges in force on a day for these analytes.
func rangesOn(ctx context.Context, db dbx.DB, analytes []hmstype.LabAnalyteID, day hmstype.Date) (map[hmstype.LabAnalyteID][]rangeRow, error) {
	byAnalyte := map[hmstype.LabAnalyteID][]rangeRow{}
	if len(analytes) == 0 {
		return byAnalyte, nil
	}
	rows, err := dbx.All[rangeRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("rr.analyte_id IN (?)", bun.List(analytes)).Where("rr.voided_at IS NULL").
			Where("rr.valid_from <= ?", day).Where("rr.valid_to IS NULL OR rr.valid_to > ?", day)
	})
	for _, r := range rows {
		byAnalyte[r.AnalyteID] = append(byAnalyte[r.AnalyteID], r)
	}
	return byAnalyte, err
}
