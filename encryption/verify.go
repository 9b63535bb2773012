package encryption

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Report is what [Service.Verify] found.
type Report struct {
	Columns  int `json:"columns"`  // looked through: those that this configuration seals
	Finished int `json:"finished"` // of them, those that the tenant finished sealing
	// rows with clear text in a column that is not finished: from before encryption
	Earlier int64 `json:"earlier"`
	// rows with clear text in a finished column: put there by somebody without a key; should be zero
	Replaced int64 `json:"replaced"`
	// the columns of Replaced, such as "patient.email"
	In []string `json:"in,omitempty"`
	// Revived are erased patients of whom a key is there again: somebody put it back; should be zero.
	// [Service.ReplayErasures] erases them again.
	Revived int64 `json:"revived"`
	// Unledgered are erasures of which the ledger outside does not know, where one is configured; should be zero
	Unledgered int64 `json:"unledgered"`
}

// Clean tells whether nothing that was sealed was replaced, nobody who was erased is readable, and no restore can bring
// an erased patient back.
func (r Report) Clean() bool { return r.Replaced == 0 && r.Revived == 0 && r.Unledgered == 0 }

// String tells the verdict and what is wrong, for a terminal.
func (r Report) String() string {
	faults := make([]usecase.Fault, len(r.In))
	for i, column := range r.In {
		faults[i] = usecase.Fault{Count: 1, What: "column with clear text in the place of a ciphertext: " + column}
	}
	faults = append(faults,
		usecase.Fault{Count: r.Revived, What: "erased patients whose keys are there again"},
		usecase.Fault{Count: r.Unledgered, What: "erasures that the ledger does not have"})
	return usecase.ReportText(r.Clean(), "sealed columns", faults...)
}

var opVerify = usecase.Query[usecase.None, Report]{
	Name: "encryption.verify", Permission: hmstype.PermEncryptionManage,
	Shows: usecase.Nobody[Report]("counts only"), Quiet: "counts only",
}.Declare()

// Verify looks for clear text where the tenant finished sealing, which whoever reads such a row is refused
// ([ErrReplaced]), for keys of patients who were erased, and for erasures of which the ledger outside does not know.
// [ErrOff] without encryption, [ErrLedger].
// Permission: [hmstype.PermEncryptionManage].
func (s *Service) Verify(ctx context.Context) (Report, error) {
	return opVerify.Run(ctx, &s.base, usecase.None{}, s.verify)
}

func (s *Service) verify(ctx context.Context, db dbx.DB, _ usecase.None) (Report, error) {
	list, err := s.base.Crypt.FindClear(ctx, db)
	r := Report{Columns: len(list)}
	for _, c := range list {
		switch {
		case !c.Strict:
			r.Earlier += c.Rows
		case c.Rows > 0:
			r.Replaced += c.Rows
			r.In = append(r.In, c.Column.String())
			fallthrough
		default:
			r.Finished++
		}
	}
	if err != nil {
		return r, err
	}
	back, err := revived(ctx, db)
	r.Revived = int64(len(back))
	if err != nil || s.config.Ledger == nil {
		return r, err
	}
	r.Unledgered, err = s.countUnledgered(ctx, db)
	return r, err
}

// countUnledgered holds the erasures of the database against the ledger.
func (s *Service) countUnledgered(ctx context.Context, db dbx.DB) (n int64, err error) {
	known, err := s.config.entries(ctx, db.Tenant())
	if err != nil {
		return 0, err
	}
	rows, err := dbx.All[erasureRow](ctx, db)
	for _, r := range rows {
		if _, ok := known[r.PatientID]; !ok {
			n++
		}
	}
	return n, err
}

// revived gives the erased patients who have a key. How many there are decides how one looks.
func revived(ctx context.Context, db dbx.DB) (map[hmstype.PatientID]bool, error) {
	rows, err := db.Replanned().Query(ctx, `SELECT DISTINCT e.patient_id FROM hms.erasure AS e
		JOIN hms.data_key AS k ON k.tenant_id = $1 AND k.subject_id = e.patient_id
		WHERE e.tenant_id = $1 AND k.wrapped <> ''`, db.Tenant())
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	list := map[hmstype.PatientID]bool{}
	for rows.Next() {
		var id hmstype.PatientID
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		list[id] = true
	}
	return list, rows.Err()
}
