package lab

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RangeDetails say for whom and when a range answers, and its limits. Ages are days at collection;
// use [AgeMonths] and [AgeYears] at the edge. Ages and validity are half-open, so that one range
// may begin where another ends.
type RangeDetails struct {
	Analyte hmstype.LabAnalyteID `json:"analyte" bun:"analyte_id"` // required; a numeric analyte
	Sex     Sex                  `json:"sex"`                      // required
	AgeFrom int                  `json:"ageFrom"`                  // days, from 0
	// days, the first that is too old; nil means no end
	AgeTo     *int         `json:"ageTo,omitempty"`
	ValidFrom hmstype.Date `json:"validFrom"` // first day; required
	ValidTo   hmstype.Date `json:"validTo"`   // the first day on which it is not valid; zero means no end
	Bounds                 // at least one, rising from CriticalLow to CriticalHigh
}

// maxAgeDays is more than anybody lives.
const maxAgeDays = 73_000

func (d RangeDetails) validate(v *hmstype.Validator) {
	v.Required(!d.Analyte.IsZero(), "analyte")
	hmstype.OneOf(v, d.Sex, "sex", SexAny, SexFemale, SexMale)
	v.Check(d.AgeFrom >= 0 && d.AgeFrom <= maxAgeDays, "ageFrom", "must lie between 0 and 73000 days")
	v.Check(d.AgeTo == nil || (*d.AgeTo > d.AgeFrom && *d.AgeTo <= maxAgeDays),
		"ageTo", "must be more than ageFrom and at most 73000 days")
	v.Required(!d.ValidFrom.IsZero(), "validFrom")
	v.Check(d.ValidTo.IsZero() || d.ValidTo.After(d.ValidFrom), "validTo", "must be after validFrom")
	d.Bounds.validate(v)
}

// fitsAge tells whether the range is for this age; a negative age is unknown and fits only
// a range for all ages.
func (d RangeDetails) fitsAge(days int) bool {
	if days < 0 {
		return d.AgeFrom == 0 && d.AgeTo == nil
	}
	return days >= d.AgeFrom && (d.AgeTo == nil || days < *d.AgeTo)
}

// ReferenceRange says what is usual for an analyte in persons of one sex and age, in a period.
type ReferenceRange struct {
	ID hmstype.ReferenceRangeID `json:"id"`
	RangeDetails
	VoidedAt   time.Time        `json:"voidedAt,omitzero"` // UTC; zero means in force
	VoidReason string           `json:"voidReason,omitempty"`
	CreatedBy  hmstype.ActorRef `json:"createdBy"`
	CreatedAt  time.Time        `json:"createdAt,omitzero"` // UTC
	Version    int64            `json:"version"`            // counts changes, from 1
}

type rangeRow struct {
	bun.BaseModel `bun:"table:hms.lab_reference_range,alias:rr"`
	dbx.Header[hmstype.ReferenceRangeID]
	RangeDetails
	VoidedAt   time.Time `bun:",nullzero"`
	VoidReason string
}

func (r rangeRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r rangeRow) referenceRange() ReferenceRange {
	return ReferenceRange{
		ID: r.ID, RangeDetails: r.RangeDetails, VoidedAt: r.VoidedAt.UTC(), VoidReason: r.VoidReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// AddReferenceRangeInput describes a new range.
type AddReferenceRangeInput struct{ RangeDetails }

// Validate implements the rules of [RangeDetails].
func (in AddReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	in.RangeDetails.validate(&v)
	return v.Err()
}

var sampleLow = decimal.New(35, -1)

var opAddReferenceRange = usecase.Command[AddReferenceRangeInput, ReferenceRange]{
	Name: "lab.add_reference_range", Permission: hmstype.PermLabManage, Shows: usecase.Nobody[ReferenceRange](aCatalogue),
	Sample: AddReferenceRangeInput{
		RangeDetails{Sex: SexAny, ValidFrom: usecase.SampleDay, Bounds: Bounds{Low: &sampleLow}},
	},
}.Declare()

// AddReferenceRange adds a range. [RangeOverlapError] names the one that answers for some of
// the same persons and days already. Results that exist keep the range that they were
// compared with.
// Permission: [hmstype.PermLabManage].
func (s *Service) AddReferenceRange(ctx context.Context, in AddReferenceRangeInput) (ReferenceRange, error) {
	return opAddReferenceRange.Run(ctx, &s.base, in, addReferenceRange)
}

func addReferenceRange(ctx context.Context, db dbx.DB, in AddReferenceRangeInput) (ReferenceRange, error) {
	analyte, err := dbx.Get[analyteRow](ctx, db, "lab_analyte", in.Analyte)
	if err != nil {
		return ReferenceRange{}, err
	}
	if analyte.ValueType != ValueNumeric {
		return ReferenceRange{}, hmstype.Invalid("analyte", "must be a numeric analyte")
	}
	row := rangeRow{Header: dbx.NewHeader[hmstype.ReferenceRangeID](db), RangeDetails: in.RangeDetails}
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
	age, day := dbx.When(false), dbx.When(!row.ValidTo.IsZero(), dbx.Where("rr.valid_from < ?", row.ValidTo))
	if row.AgeTo != nil {
		age = dbx.Where("rr.age_from < ?", *row.AgeTo)
	}
	rows, err := dbx.All[rangeRow](ctx, db, dbx.Equal("analyte_id", row.Analyte), dbx.Equal("sex", row.Sex),
		dbx.Where("rr.voided_at IS NULL"), dbx.Where("(rr.age_to IS NULL OR rr.age_to > ?)", row.AgeFrom), age,
		dbx.Where("(rr.valid_to IS NULL OR rr.valid_to > ?)", row.ValidFrom), day, dbx.OrderBy("rr.id"), dbx.Limit(1))
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
	ID      hmstype.ReferenceRangeID `json:"id"`      // required
	Version int64                    `json:"version"` // the version that the caller read
	// required, after its first day: the first day on which it is not valid
	ValidTo hmstype.Date `json:"validTo"`
}

// Validate implements the rules above.
func (in EndReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	v.Required(!in.ValidTo.IsZero(), "validTo")
	return v.Err()
}

var opEndReferenceRange = usecase.Command[EndReferenceRangeInput, ReferenceRange]{
	Name: "lab.end_reference_range", Permission: hmstype.PermLabManage, Shows: usecase.Nobody[ReferenceRange](aCatalogue),
	Sample: EndReferenceRangeInput{Version: 1, ValidTo: usecase.SampleDay},
}.Declare()

// EndReferenceRange sets the day from which a range is not valid, so that another may
// follow. [hmstype.ErrStale] for an old version.
// Permission: [hmstype.PermLabManage].
func (s *Service) EndReferenceRange(ctx context.Context, in EndReferenceRangeInput) (ReferenceRange, error) {
	return opEndReferenceRange.Run(ctx, &s.base, in, endReferenceRange)
}

func endReferenceRange(ctx context.Context, db dbx.DB, in EndReferenceRangeInput) (ReferenceRange, error) {
	row, err := lockRange(ctx, db, in.ID, in.Version)
	if err != nil {
		return ReferenceRange{}, err
	}
	if !in.ValidTo.After(row.ValidFrom) || (!row.ValidTo.IsZero() && in.ValidTo.After(row.ValidTo)) {
		return ReferenceRange{}, hmstype.Invalid("validTo",
			"must be after the first day and not after the day on which it ends already")
	}
	row.ValidTo = in.ValidTo
	err = dbx.Update(ctx, db, &row, "valid_to")
	return row.referenceRange(), err
}

// lockRange locks a range that is in force; [hmstype.ErrInvalidTransition] for one that was voided.
func lockRange(ctx context.Context, db dbx.DB, id hmstype.ReferenceRangeID, version int64) (rangeRow, error) {
	row, err := dbx.Get[rangeRow](ctx, db, "lab_reference_range", id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	if err := dbx.CheckVersion(&row, version); err != nil {
		return row, err
	}
	if !row.VoidedAt.IsZero() {
		return row, hmstype.ErrInvalidTransition
	}
	return row, nil
}

// VoidReferenceRangeInput takes back a range that was entered by mistake.
type VoidReferenceRangeInput struct {
	ID      hmstype.ReferenceRangeID `json:"id"`      // required
	Version int64                    `json:"version"` // the version that the caller read
	Reason  string                   `json:"reason"`  // required, up to 500 characters
}

// Validate implements the rules above.
func (in VoidReferenceRangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be at least 1")
	reason(&v, in.Reason)
	return v.Err()
}

var opVoidReferenceRange = usecase.Command[VoidReferenceRangeInput, ReferenceRange]{
	Name: "lab.void_reference_range", Permission: hmstype.PermLabManage, Shows: usecase.Nobody[ReferenceRange](aCatalogue),
	Sample: VoidReferenceRangeInput{Version: 1, Reason: "another unit's"},
}.Declare()

// VoidReferenceRange takes back a range. Results that were compared with it keep their
// snapshot; correct them where they need it. [hmstype.ErrStale] for an old version.
// Permission: [hmstype.PermLabManage].
func (s *Service) VoidReferenceRange(ctx context.Context, in VoidReferenceRangeInput) (ReferenceRange, error) {
	return opVoidReferenceRange.Run(ctx, &s.base, in, voidReferenceRange)
}

func voidReferenceRange(ctx context.Context, db dbx.DB, in VoidReferenceRangeInput) (ReferenceRange, error) {
	row, err := lockRange(ctx, db, in.ID, in.Version)
	if err != nil {
		return ReferenceRange{}, err
	}
	row.VoidedAt, row.VoidReason = db.Now, in.Reason
	err = dbx.Update(ctx, db, &row, "voided_at", "void_reason")
	return row.referenceRange(), err
}

// ListReferenceRangesInput asks for the ranges of an analyte.
type ListReferenceRangesInput struct {
	Analyte hmstype.LabAnalyteID `json:"analyte"` // required
	Page    hmstype.Page         `json:"page"`
}

// Validate implements the rules above.
func (in ListReferenceRangesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Analyte.IsZero(), "analyte")
	checkPage(&v, in.Page)
	return v.Err()
}

var opListReferenceRanges = usecase.Query[ListReferenceRangesInput, hmstype.List[ReferenceRange]]{
	Name: "lab.list_reference_ranges", Permission: hmstype.PermLabRead,
	Shows: usecase.Nobody[hmstype.List[ReferenceRange]](aCatalogue), Quiet: aCatalogue,
	Sample: ListReferenceRangesInput{},
}.Declare()

// ListReferenceRanges lists the ranges of an analyte, also ended and voided ones, oldest first.
// Permission: [hmstype.PermLabRead].
func (s *Service) ListReferenceRanges(
	ctx context.Context, in ListReferenceRangesInput,
) (hmstype.List[ReferenceRange], error) {
	return opListReferenceRanges.Run(ctx, &s.base, in, referenceRanges)
}

func referenceRanges(
	ctx context.Context, db dbx.DB, in ListReferenceRangesInput,
) (hmstype.List[ReferenceRange], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{}, rangeRow.referenceRange, dbx.Equal("analyte_id", in.Analyte))
}

// rangesOn gives the ranges in force on a day for these analytes.
func rangesOn(
	ctx context.Context, db dbx.DB, analytes []hmstype.LabAnalyteID, day hmstype.Date,
) (map[hmstype.LabAnalyteID][]rangeRow, error) {
	byAnalyte := map[hmstype.LabAnalyteID][]rangeRow{}
	if len(analytes) == 0 {
		return byAnalyte, nil
	}
	rows, err := dbx.All[rangeRow](ctx, db, dbx.OneOf("analyte_id", analytes), dbx.Where("rr.voided_at IS NULL"),
		dbx.Where("rr.valid_from <= ?", day), dbx.Where("(rr.valid_to IS NULL OR rr.valid_to > ?)", day))
	for _, r := range rows {
		byAnalyte[r.Analyte] = append(byAnalyte[r.Analyte], r)
	}
	return byAnalyte, err
}
