package clinical

import (
	"context"
	"database/sql"
	"errors"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// JudgeInput says what is to be checked for whom.
type JudgeInput struct {
	Patient  hmstype.PatientID
	Medicine hmstype.Medicine
	// AlsoCalled are further names of it, which are compared as well.
	AlsoCalled []string
	// Prescription is the one that is handed out on; it is not taken beside itself, and says the dose. Zero for none.
	Prescription hmstype.PrescriptionID
	Dosage       string // see [PrescriptionDetails]; empty where it is not told
	DosesPerDay  int    // the same
}

// safetyCase is all that a medicine is held against.
type safetyCase struct {
	JudgeInput
	asked     bool // whether somebody asked about allergies, be it that none is known
	allergies []allergyRow
	taken     []prescriptionRow
}

// lockedJudge makes the verdict of a patient whose row the caller's transaction has locked: whoever records an allergy
// or prescribes locks it, too, so that nothing comes between the verdict and what is done on it.
func lockedJudge(ctx context.Context, db dbx.DB, in JudgeInput, advice Advice) (hmstype.Verdict, error) {
	c, verdict, err := readCase(ctx, db, in)
	if err != nil {
		return verdict, err
	}
	known, err := loadKnowledge(ctx, db, c)
	if err != nil {
		return verdict, err
	}
	verdict.Checks = c.judge(known)
	return advice.join(c, verdict)
}

// readCase reads what is known of the patient, and gives a verdict without checks, of the lists' versions.
func readCase(ctx context.Context, db dbx.DB, in JudgeInput) (safetyCase, hmstype.Verdict, error) {
	c, verdict := safetyCase{JudgeInput: in}, hmstype.Verdict{At: db.Now.UTC()}
	var err error
	if c.allergies, err = standingAllergies(ctx, db, in.Patient); err != nil {
		return c, verdict, err
	}
	c.asked = len(c.allergies) > 0
	taken, err := beingTaken(ctx, db, in.Patient)
	if err != nil {
		return c, verdict, err
	}
	for _, rx := range taken {
		if rx.ID != in.Prescription {
			c.taken = append(c.taken, rx)
		}
	}
	if !in.Prescription.IsZero() {
		rx, err := dbx.Get[prescriptionRow](ctx, db, "prescription", in.Prescription)
		if err != nil {
			return c, verdict, err
		}
		c.Dosage, c.DosesPerDay = rx.Dosage, rx.DosesPerDay
		c.AlsoCalled = append(c.AlsoCalled, rx.MedicationName, rx.GenericName)
		c.Medicine.Codes = codesOf(c.Medicine.Codes, rx.Codes)
	}
	verdict.AllergyVersion, verdict.MedicationVersion, err = listVersions(ctx, db, in.Patient)
	return c, verdict, err
}

// listVersions gives the versions of a patient's lists of allergies and of prescriptions: the sums of their rows'
// versions, which grow with every row and every change of one.
func listVersions(
	ctx context.Context, db dbx.DB, patient hmstype.PatientID,
) (allergies, medications int64, err error) {
	err = db.QueryRow(ctx, `SELECT
		(SELECT coalesce(sum(version), 0)::bigint FROM hms.allergy WHERE tenant_id = $1 AND patient_id = $2),
		(SELECT coalesce(sum(version), 0)::bigint FROM hms.prescription WHERE tenant_id = $1 AND patient_id = $2)`,
		db.Tenant(), patient).Scan(&allergies, &medications)
	return allergies, medications, err
}

// defaultSupply is how many days a fill is taken for that does not say.
const defaultSupply = 30

// beingTaken gives what a patient takes as far as prescriptions tell: what may be handed out today, or is on hold, and
// what was handed out wholly, for as long as its fills last.
func beingTaken(ctx context.Context, db dbx.DB, patient hmstype.PatientID) ([]prescriptionRow, error) {
	today, err := db.Today(ctx)
	if err != nil {
		return nil, err
	}
	return dbx.All[prescriptionRow](ctx, db, dbx.Equal("patient_id", patient),
		dbx.Where(`(rx.status IN ('active', 'on-hold') AND rx.valid_until >= ? OR rx.status = 'completed' AND
			rx.created_at + make_interval(days => coalesce(rx.days_supply, ?) * (1 + rx.refills_allowed)) >= ?)`,
			today, defaultSupply, db.Now),
		dbx.OrderBy("rx.id"))
}

// refuseFindings refuses a verdict with findings that stand in the way.
func refuseFindings(ctx context.Context, db dbx.DB, patient hmstype.PatientID, verdict hmstype.Verdict) error {
	open := verdict.Open()
	if len(open) == 0 {
		return nil
	}
	return usecase.Told(ctx, db, patient, "prescription", "", &hmstype.FindingsError{Findings: open})
}

// newestBase gives the base of knowledge that is in force: the one that was loaded last. It tells whether there is one.
func newestBase(ctx context.Context, db dbx.DB) (base drugBaseRow, ok bool, err error) {
	rows, err := dbx.All[drugBaseRow](ctx, db, dbx.OrderBy("db.created_at DESC", "db.id DESC"), dbx.Limit(1))
	if err != nil || len(rows) == 0 {
		return base, false, err
	}
	return rows[0], true, nil
}

// each runs a query and gives each row to scan.
func each(ctx context.Context, db dbx.DB, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
