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

// Result is one version of the value of one analyte of an item (FHIR Observation). A version is
// never changed: the next one supersedes it, and a report shows both.
type Result struct {
	ID         hmstype.LabResultID      `json:"id"`
	Item       hmstype.LabOrderItemID   `json:"item"`
	Patient    hmstype.PatientID        `json:"patient"`
	Test       hmstype.LabTestID        `json:"test"`
	Analyte    hmstype.LabAnalyteID     `json:"analyte"`
	Specimen   hmstype.SpecimenID       `json:"specimen"`
	Supersedes hmstype.LabResultID      `json:"supersedes"` // the version before; zero for the first
	Status     ResultStatus             `json:"status"`
	Value      Value                    `json:"value"`
	Display    string                   `json:"display,omitempty"` // of a coded value
	Unit       string                   `json:"unit,omitempty"`    // UCUM; the analyte's
	Flag       Flag                     `json:"flag,omitempty"`    // computed here; a sender's own is never taken
	Critical   bool                     `json:"critical"`          // the value is, or may be, beyond a critical limit
	Range      hmstype.ReferenceRangeID `json:"range"`             // what it was compared with; zero where none fits
	Bounds                              // the range as it was; all nil where none fits
	// Sex: what the range was chosen by; empty means unknown or other.
	Sex Sex `json:"sex,omitempty"`
	// AgeDays: age at collection, what the range was chosen by; nil means not known to the day.
	AgeDays     *int      `json:"ageDays,omitempty"`
	CollectedAt time.Time `json:"collectedAt,omitzero"` // UTC
	Comment     string    `json:"comment,omitempty"`    // for the reader of the report
	// Reason: why this version supersedes a verified one, or was cancelled.
	Reason     string           `json:"reason,omitempty"`
	EnteredBy  hmstype.ActorRef `json:"enteredBy"`           // who entered the value
	EnteredAt  time.Time        `json:"enteredAt,omitzero"`  // UTC
	VerifiedBy hmstype.ActorRef `json:"verifiedBy"`          // who verified it; zero before that
	VerifiedAt time.Time        `json:"verifiedAt,omitzero"` // UTC; zero means not verified
	// CreatedBy: who wrote this version: entered, verified, corrected or withdrew it.
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC; when this version was written
	Version   int64            `json:"version"`            // 1 for the first
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants.
	Withheld bool `json:"withheld,omitempty"`
}

// allResults is what every use case that shows results alone shows of whom.
var allResults = usecase.Entity[Result]{
	Table:   "lab_result",
	Patient: func(r *Result) hmstype.PatientID { return r.Patient },
	ID:      func(r *Result) string { return r.ID.String() },
}

// resultRow is one version, which counts in its chain: no row is ever updated.
type resultRow struct {
	bun.BaseModel `bun:"table:hms.lab_result,alias:r"`
	dbx.Header[hmstype.LabResultID]
	OrderItemID  hmstype.LabOrderItemID
	PatientID    hmstype.PatientID
	TestID       hmstype.LabTestID
	AnalyteID    hmstype.LabAnalyteID
	SpecimenID   hmstype.SpecimenID
	SupersedesID hmstype.LabResultID
	Status       ResultStatus
	ValueType    ValueType
	Comparator   Comparator
	ValueNumber  *decimal.Decimal
	ValueCode    string
	ValueText    string // the number as it was written, the display of a coded value, or the text
	AbsentReason string
	Unit         string
	Flag         Flag
	Critical     bool
	RangeID      hmstype.ReferenceRangeID
	Bounds
	Sex         Sex
	AgeDays     *int
	CollectedAt time.Time
	Comment     string
	Reason      string
	EnteredBy   hmstype.ActorRef
	EnteredAt   time.Time
	VerifiedBy  hmstype.ActorRef
	VerifiedAt  time.Time `bun:",nullzero"`
}

func (r resultRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CollectedAt, ID: r.ID.UUID()}
}

func (r resultRow) value() Value {
	switch r.ValueType {
	case ValueNumeric:
		return Value{Comparator: r.Comparator, Number: r.ValueText}
	case ValueCoded:
		return Value{Code: r.ValueCode}
	case ValueAbsent:
		return Value{AbsentReason: r.AbsentReason}
	default:
		return Value{Text: r.ValueText}
	}
}

func (r resultRow) result() Result {
	out := Result{
		ID: r.ID, Item: r.OrderItemID, Patient: r.PatientID, Test: r.TestID, Analyte: r.AnalyteID,
		Specimen: r.SpecimenID, Supersedes: r.SupersedesID, Status: r.Status,
		Value: r.value(), Unit: r.Unit, Flag: r.Flag, Critical: r.Critical, Range: r.RangeID, Bounds: r.Bounds,
		Sex: r.Sex, AgeDays: r.AgeDays, CollectedAt: r.CollectedAt.UTC(), Comment: r.Comment, Reason: r.Reason,
		EnteredBy: r.EnteredBy, EnteredAt: r.EnteredAt.UTC(), VerifiedBy: r.VerifiedBy,
		VerifiedAt: r.VerifiedAt.UTC(), CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
	if r.ValueType == ValueCoded {
		out.Display = r.ValueText
	}
	return out
}

// next gives a copy that supersedes the version, in another state.
func (r resultRow) next(db dbx.DB, status ResultStatus, why string) resultRow {
	n := r
	n.Header, n.SupersedesID = dbx.NewHeader[hmstype.LabResultID](db), r.ID
	n.Version = r.Version + 1
	n.Status, n.Reason = status, why
	return n
}

// sameAlarm tells whether who was told of one version knows what the other says.
func (r resultRow) sameAlarm(other resultRow) bool {
	if r.Comparator != other.Comparator || r.ValueCode != other.ValueCode || r.Flag != other.Flag {
		return false
	}
	if r.ValueNumber == nil || other.ValueNumber == nil {
		return r.ValueNumber == other.ValueNumber
	}
	return r.ValueNumber.Equal(*other.ValueNumber)
}

// notSuperseded keeps the newest version of each result.
func notSuperseded(db dbx.DB) dbx.Apply {
	return dbx.Where(`NOT EXISTS (SELECT 1 FROM hms.lab_result AS newer
		WHERE newer.tenant_id = ? AND newer.supersedes_id = r.id)`, db.Tenant())
}

// currentResults gives the newest versions of an item's results by analyte.
func currentResults(
	ctx context.Context, db dbx.DB, item hmstype.LabOrderItemID,
) (map[hmstype.LabAnalyteID]resultRow, error) {
	rows, err := dbx.All[resultRow](ctx, db, dbx.Equal("order_item_id", item), notSuperseded(db))
	byAnalyte := make(map[hmstype.LabAnalyteID]resultRow, len(rows))
	for _, r := range rows {
		byAnalyte[r.AnalyteID] = r
	}
	return byAnalyte, err
}

// writeResults appends versions and opens, keeps or supersedes the cases of their critical
// values.
func (s *Service) writeResults(
	ctx context.Context, db dbx.DB, before map[hmstype.LabAnalyteID]resultRow, rows []resultRow,
) error {
	if len(rows) == 0 {
		return nil
	}
	if err := dbx.Insert(ctx, db, rows...); err != nil {
		return err
	}
	return s.settleAlerts(ctx, db, before, rows)
}

// withdrawResults appends versions that say that an item's results are cancelled or were
// entered in error, and tells who saw them.
func (s *Service) withdrawResults(
	ctx context.Context, db dbx.DB, item itemRow, to ResultStatus, why string,
) error {
	current, err := currentResults(ctx, db, item.ID)
	if err != nil {
		return err
	}
	rows := []resultRow{}
	for _, r := range current {
		if ResultTransitions.Allows(r.Status, to) {
			rows = append(rows, r.next(db, to, why))
		}
	}
	if len(rows) == 0 {
		return nil
	}
	wrong, err := itemVersions(ctx, db, item.ID)
	if err != nil {
		return err
	}
	if err := s.writeResults(ctx, db, current, rows); err != nil {
		return err
	}
	return s.tellReaders(ctx, db, item, wrong, true)
}
