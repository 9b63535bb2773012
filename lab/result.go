package lab

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Result is one version of the value of one analyte of an item (FHIR Observation). A version is
// never changed: the next one supersedes it, and a report shows both.
type Result struct {
	ID            hmstype.LabResultID
	ItemID        hmstype.LabOrderItemID
	PatientID     hmstype.PatientID
	TestID        hmstype.LabTestID
	AnalyteID     hmstype.LabAnalyteID
	SpecimenID    hmstype.SpecimenID
	ResultVersion int64               // 1 for the first
	SupersedesID  hmstype.LabResultID // the version before; zero for the first
	Status        ResultStatus
	Value         Value
	Display       string // of a coded value
	Unit          string // UCUM; the analyte's
	Flag          Flag   // computed here; a sender's own is never taken
	Critical      bool   // the value is, or may be, beyond a critical limit
	RangeID       hmstype.ReferenceRangeID
	Bounds                       // the range as it was; all nil where none fits
	Sex           Sex            // what the range was chosen by; empty means unknown or other
	AgeDays       *int           // age at collection, what the range was chosen by; nil means not known to the day
	CollectedAt   time.Time      // UTC
	Comment       string         // for the reader of the report
	Reason        string         // why this version supersedes a verified one, or was cancelled
	EnteredBy     hmstype.UserID // who entered the value; zero means the host's own actor
	EnteredAt     time.Time      // UTC
	VerifiedBy    hmstype.UserID // who verified it; zero before that, or the host's own actor
	VerifiedAt    time.Time      // UTC; zero means not verified
	RecordedAt    time.Time      // UTC; when this version was written
}

type resultRow struct {
	bun.BaseModel `bun:"table:hms.lab_result,alias:r"`
	dbx.Tenanted
	ID            hmstype.LabResultID `bun:"id,pk"`
	OrderItemID   hmstype.LabOrderItemID
	PatientID     hmstype.PatientID
	TestID        hmstype.LabTestID
	AnalyteID     hmstype.LabAnalyteID
	SpecimenID    hmstype.SpecimenID
	ResultVersion int64
	SupersedesID  hmstype.LabResultID
	Status        ResultStatus
	ValueType     ValueType
	Comparator    Comparator
	ValueNumber   *decimal.Decimal
	ValueCode     string
	ValueText     string // the number as it was written, the display of a coded value, or the text
	AbsentReason  string
	Unit          string
	Flag          Flag
	Critical      bool
	RangeID       hmstype.ReferenceRangeID
	Bounds
	Sex         Sex
	AgeDays     *int
	CollectedAt time.Time
	Comment     string
	Reason      string
	EnteredBy   hmstype.UserID
	EnteredAt   time.Time
	VerifiedBy  hmstype.UserID
	VerifiedAt  time.Time `bun:",nullzero"`
	RecordedAt  time.Time
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
		ID: r.ID, ItemID: r.OrderItemID, PatientID: r.PatientID, TestID: r.TestID, AnalyteID: r.AnalyteID,
		SpecimenID: r.SpecimenID, ResultVersion: r.ResultVersion, SupersedesID: r.SupersedesID, Status: r.Status,
		Value: r.value(), Unit: r.Unit, Flag: r.Flag, Critical: r.Critical, RangeID: r.RangeID, Bounds: r.Bounds,
		Sex: r.Sex, AgeDays: r.AgeDays, CollectedAt: r.CollectedAt.UTC(), Comment: r.Comment, Reason: r.Reason,
		EnteredBy: r.EnteredBy, EnteredAt: r.EnteredAt.UTC(), VerifiedBy: r.VerifiedBy,
		VerifiedAt: r.VerifiedAt.UTC(), RecordedAt: r.RecordedAt.UTC(),
	}
	if r.ValueType == ValueCoded {
		out.Display = r.ValueText
	}
	return out
}

func results(rows []resultRow) []Result {
	out := make([]Result, len(rows))
	for i, r := range rows {
		out[i] = r.result()
	}
	return out
}

// next gives a copy that supersedes the version, in another state.
func (r resultRow) next(db dbx.DB, status ResultStatus, why string) resultRow {
	n := r
	n.ID, n.SupersedesID = hmstype.NewID[hmstype.LabResultID](), r.ID
	n.ResultVersion++
	n.Status, n.Reason, n.RecordedAt = status, why, db.Now
	return n
}

// withdrawn tells whether the version says that there is no result.
func (r resultRow) withdrawn() bool {
	return r.Status == ResultCancelled || r.Status == ResultEnteredInError
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
func notSuperseded(q *bun.SelectQuery, db dbx.DB) *bun.SelectQuery {
	return q.Where(`NOT EXISTS (SELECT 1 FROM hms.lab_result AS newer
		WHERE newer.tenant_id = ? AND newer.supersedes_id = r.id)`, db.Tenant())
}

// currentResults gives the newest versions of an item's results by analyte.
func currentResults(ctx context.Context, db dbx.DB, item hmstype.LabOrderItemID) (map[hmstype.LabAnalyteID]resultRow, error) {
	rows, err := dbx.All[resultRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return notSuperseded(q.Where("r.order_item_id = ?", item), db)
	})
	byAnalyte := make(map[hmstype.LabAnalyteID]resultRow, len(rows))
	for _, r := range rows {
		byAnalyte[r.AnalyteID] = r
	}
	return byAnalyte, err
}

// writeResults appends versions and opens, keeps or supersedes the cases of their critical
// values.
func (s *Service) writeResults(ctx context.Context, db dbx.DB, before map[hmstype.LabAnalyteID]resultRow, rows []resultRow) error {
	if len(rows) == 0 {
		return nil
	}
	if err := dbx.Insert(ctx, db, rows...); err != nil {
		return err
	}
	return s.settleAlerts(ctx, db, before, rows)
}

// withdrawResults appends versions that say that an item's results are cancelled or were
// entered in error.
func (s *Service) withdrawResults(ctx context.Context, db dbx.DB, item hmstype.LabOrderItemID, to ResultStatus, why string) error {
	current, err := currentResults(ctx, db, item)
	if err != nil {
		return err
	}
	rows := []resultRow{}
	for _, r := range current {
		if ResultTransitions.Allows(r.Status, to) {
			rows = append(rows, r.next(db, to, why))
		}
	}
	return s.writeResults(ctx, db, current, rows)
}
