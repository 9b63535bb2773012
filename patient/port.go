package patient

import (
	"context"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what other services ask of patients inside the transaction of a use case that asked for
// its permission. Only hms.New can make one.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.New calls it, and nobody else can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

func (s *Service) port() Port { return Port{base: s.base} }

// Summary is what other packages need to know of a patient before they act.
type Summary struct {
	ID         hmstype.PatientID
	MRN        string
	Gender     Gender
	BirthDate  hmstype.Date // zero means unknown
	Deceased   bool
	DeceasedAt time.Time // zero means alive, or, where Deceased, at an unknown instant
	Restricted bool

	BirthDatePrecision Precision // how much of BirthDate is known
}

// LockForCare locks the row of a patient for whom something new begins until the transaction ends, and gives
// the summary. It refuses a record that is merged ([ErrMerged]) or not active ([ErrInactive]) and a
// person who has died ([ErrDeceased], which his trail tells of), and waits for whoever notes that just now. It does
// not refuse a restricted record. The patient's row is the first that a use case locks: see docs/architecture.md.
func (p Port) LockForCare(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	summary, err := p.require(ctx, conn, id, dbx.ForUpdate)
	if err != nil || !summary.Deceased {
		return summary, err
	}
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return summary, err
	}
	return summary, usecase.Told(ctx, db, id, "patient", id.String(), ErrDeceased)
}

// Summary gives the summary of a patient in whatever state the record is: what is owed, and what is read,
// follows a person into every state.
func (p Port) Summary(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	summary, err := p.require(ctx, conn, id)
	if errors.Is(err, ErrMerged) || errors.Is(err, ErrInactive) {
		err = nil
	}
	return summary, err
}

// Require gives the summary of a patient whom a use case of the caller's transaction concerns.
// It refuses a record that is merged ([ErrMerged]) or not active ([ErrInactive]). It does
// not refuse a restricted record nor a dead person: the summary tells, the caller decides.
func (p Port) Require(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	return p.require(ctx, conn, id)
}

// Lock is [Port.Require] that also locks the patient's row until the transaction ends.
// A use case that locks more takes the patient first.
func (p Port) Lock(ctx context.Context, conn bun.IConn, id hmstype.PatientID) (Summary, error) {
	return p.require(ctx, conn, id, dbx.ForUpdate)
}

func (p Port) require(ctx context.Context, conn bun.IConn, id hmstype.PatientID, more ...dbx.Apply) (Summary, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return Summary{}, err
	}
	row, err := dbx.Get[patientRow](ctx, db, "patient", id, more...)
	if err != nil {
		return Summary{}, err
	}
	db.KnowRestricted(row.ID, row.IsRestricted)
	return Summary{
		ID: row.ID, MRN: row.MRN, Gender: row.Gender, BirthDate: row.BirthDate, BirthDatePrecision: row.BirthDatePrecision,
		Deceased: row.IsDeceased, DeceasedAt: row.DeceasedAt.UTC(), Restricted: row.IsRestricted,
	}, row.requireUsable()
}

// ActiveCoverages gives the coverages that pay for what is done on a day, the first payer
// first. It runs in the caller's transaction.
func (p Port) ActiveCoverages(
	ctx context.Context, conn bun.IConn, patient hmstype.PatientID, on hmstype.Date,
) ([]Coverage, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[coverageRow](ctx, db, dbx.Equal("patient_id", patient), dbx.Equal("status", CoverageActive),
		dbx.Where("c.valid_from <= ?", on), dbx.Where("(c.valid_until IS NULL OR c.valid_until > ?)", on),
		dbx.OrderBy("c.priority"))
	if err != nil {
		return nil, err
	}
	list := coveragesOf(rows)
	texts := make([]fieldcrypt.Record, len(list))
	for i := range list {
		texts[i] = list[i].texts()
	}
	return list, p.base.Crypt.OpenTexts(ctx, db, texts...)
}
