package lab

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// assay is everything that a value is judged by.
type assay struct {
	item     itemRow
	specimen specimenRow
	person   person
	analytes []analyteRow
	answers  map[hmstype.LabAnalyteID][]Answer
	ranges   map[hmstype.LabAnalyteID][]rangeRow
	current  map[hmstype.LabAnalyteID]resultRow
}

func (s *Service) assayOf(ctx context.Context, db dbx.DB, item itemRow) (assay, error) {
	b := assay{item: item}
	var err error
	if b.specimen, err = dbx.Get[specimenRow](ctx, db, "lab_specimen", item.SpecimenID); err != nil {
		return b, err
	}
	var day hmstype.Date
	if b.person, day, err = s.personAt(ctx, db, b.specimen); err != nil {
		return b, err
	}
	if b.analytes, err = analytesOf(ctx, db, []hmstype.LabTestID{item.TestID}); err != nil {
		return b, err
	}
	if b.answers, err = answersOf(ctx, db, b.analytes); err != nil {
		return b, err
	}
	numeric := []hmstype.LabAnalyteID{}
	for _, a := range b.analytes {
		if a.ValueType == ValueNumeric {
			numeric = append(numeric, a.ID)
		}
	}
	if b.ranges, err = rangesOn(ctx, db, numeric, day); err != nil {
		return b, err
	}
	b.current, err = currentResults(ctx, db, item.ID)
	return b, err
}

// analyte finds an analyte that may get a value: an active one, or one that has a value already.
func (b assay) analyte(id hmstype.LabAnalyteID) (analyteRow, bool) {
	_, known := b.current[id]
	for _, a := range b.analytes {
		if a.ID == id && (a.Active || known) {
			return a, true
		}
	}
	return analyteRow{}, false
}

// measure makes the next version of an analyte's result from a value: preliminary, judged by the range
// of today's table for the day of collection.
func (b assay) measure(db dbx.DB, in EnteredValue) (resultRow, error) {
	analyte, ok := b.analyte(in.Analyte)
	if !ok {
		return resultRow{}, ErrAnalyteMismatch
	}
	kind := in.Value.Type()
	if kind != ValueAbsent && kind != analyte.ValueType {
		return resultRow{}, hmstype.Invalid("value", "must be of the analyte's type")
	}
	row := resultRow{
		Header: dbx.NewHeader[hmstype.LabResultID](db), OrderItemID: b.item.ID, PatientID: b.item.PatientID,
		TestID: b.item.TestID, AnalyteID: analyte.ID, SpecimenID: b.specimen.ID, Status: ResultPreliminary, ValueType: kind,
		AbsentReason: in.Value.AbsentReason, Unit: analyte.Unit, Sex: b.person.sex, AgeDays: b.person.age.exact(),
		CollectedAt: b.specimen.CollectedAt, Comment: in.Comment, EnteredBy: db.By(), EnteredAt: db.Now,
	}
	if old, known := b.current[analyte.ID]; known {
		row.SupersedesID, row.Version = old.ID, old.Version+1
	}
	return row, b.judge(&row, in.Value)
}

// judge fills in the value, the snapshot of the range, and the finding.
func (b assay) judge(row *resultRow, value Value) error {
	switch row.ValueType {
	case ValueNumeric:
		number, err := value.number()
		if err != nil {
			return err
		}
		row.Comparator, row.ValueNumber, row.ValueText = value.Comparator, number, value.Number
		if fits := chooseRange(b.ranges[row.AnalyteID], b.person.sex, b.person.age); fits != nil {
			row.RangeID, row.Bounds = fits.ID, fits.Bounds
			row.take(interpret(value.Comparator, *number, fits.Bounds))
		}
	case ValueCoded:
		for _, answer := range b.answers[row.AnalyteID] {
			if answer.Code == value.Code {
				row.ValueCode, row.ValueText = answer.Code, answer.Display
				row.take(interpretAnswer(answer.Flag))
				return nil
			}
		}
		return hmstype.Invalid("value.code", "must be one of the analyte's answers")
	case ValueText:
		row.ValueText = value.Text
	}
	return nil
}

// shown gives the item with its results after rows were appended, in the order of the test's analytes.
func (b assay) shown(item itemRow, rows []resultRow) ItemResult {
	newest := map[hmstype.LabAnalyteID]resultRow{}
	for id, row := range b.current {
		newest[id] = row
	}
	for _, row := range rows {
		newest[row.AnalyteID] = row
	}
	out := ItemResult{Item: item.item(), Results: []Result{}}
	for _, a := range b.analytes {
		if row, ok := newest[a.ID]; ok {
			out.Results = append(out.Results, row.result())
		}
	}
	return out
}

// versionsOf gives all versions of an item's results, of each analyte the oldest first.
func versionsOf(ctx context.Context, db dbx.DB, items []hmstype.LabOrderItemID) ([]resultRow, error) {
	if len(items) == 0 {
		return nil, nil
	}
	return dbx.All[resultRow](ctx, db, dbx.OneOf("order_item_id", items),
		dbx.OrderBy("r.order_item_id", "r.analyte_id", "r.version"))
}
