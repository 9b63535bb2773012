package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LegalHold forbids to erase what a dispute or an inquiry may need: all of the tenant's, or
// what concerns one patient. It is never removed, only released. The database answers
// hms.is_held(tenant, patient) to everything that erases.
type LegalHold struct {
	ID            hmstype.LegalHoldID
	Patient       hmstype.PatientID // zero: everything of the tenant
	Reason        string
	PlacedBy      string    // as Event.Actor
	PlacedAt      time.Time // UTC
	ReleasedBy    string    // empty while it is in force
	ReleasedAt    time.Time // UTC; zero while it is in force
	ReleaseReason string
	Version       int64 // counts changes, from 1
}

// InForce tells whether the hold forbids anything.
func (h LegalHold) InForce() bool { return h.ReleasedAt.IsZero() }

type holdRow struct {
	bun.BaseModel `bun:"table:hms.legal_hold,alias:hold"`
	dbx.Tenanted
	ID            hmstype.LegalHoldID `bun:"id,pk"`
	PatientID     hmstype.PatientID   `bun:",nullzero"`
	Reason        string
	PlacedBy      string
	PlacedAt      time.Time
	ReleasedBy    string
	ReleasedAt    time.Time `bun:",nullzero"`
	ReleaseReason string
	Version       int64
}

func (r holdRow) Position() hmstype.Position {
	return hmstype.Position{At: r.PlacedAt, ID: r.ID.UUID()}
}

func (r holdRow) hold() LegalHold {
	return LegalHold{
		ID: r.ID, Patient: r.PatientID, Reason: r.Reason, PlacedBy: r.PlacedBy, PlacedAt: r.PlacedAt.UTC(),
		ReleasedBy: r.ReleasedBy, ReleasedAt: r.ReleasedAt.UTC(), ReleaseReason: r.ReleaseReason, Version: r.Version,
	}
}

// PlaceLegalHoldInput says what is held, and why.
type PlaceLegalHoldInput struct {
	Patient hmstype.PatientID // zero: everything of the tenant
	Reason  string            // required, 3 to 1000 characters: the case's number rather than its story
}

// Validate implements the rules above.
func (in PlaceLegalHoldInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Reason, "reason", 3, 1000)
	return v.Err()
}

// PlaceLegalHold forbids to erase from now on. It waits for a purge that is just committing;
// one that still writes its archive will find the hold and give up.
func (s *Service) PlaceLegalHold(ctx context.Context, in PlaceLegalHoldInput) (LegalHold, error) {
	op := usecase.Op{Name: "audit.place_legal_hold", Permission: hmstype.PermAuditRetain}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in PlaceLegalHoldInput) (LegalHold, error) {
		if err := db.LockName(ctx, retentionLock); err != nil {
			return LegalHold{}, err
		}
		row := holdRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.LegalHoldID](), PatientID: in.Patient,
			Reason: in.Reason, PlacedBy: db.ActorName(), PlacedAt: db.Now, Version: 1,
		}
		return row.hold(), dbx.Insert(ctx, db, row)
	})
}

// ReleaseLegalHoldInput ends a hold.
type ReleaseLegalHoldInput struct {
	ID     hmstype.LegalHoldID // required
	Reason string              // required, 3 to 1000 characters
}

// Validate implements the rules above.
func (in ReleaseLegalHoldInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 3, 1000)
	return v.Err()
}

// ReleaseLegalHold ends a hold; [ErrReleased] where somebody did before.
func (s *Service) ReleaseLegalHold(ctx context.Context, in ReleaseLegalHoldInput) (LegalHold, error) {
	op := usecase.Op{Name: "audit.release_legal_hold", Permission: hmstype.PermAuditRetain}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in ReleaseLegalHoldInput) (LegalHold, error) {
		row, err := dbx.Get[holdRow](ctx, db, "legal hold", in.ID, dbx.ForUpdate)
		if err != nil {
			return LegalHold{}, err
		}
		if !row.hold().InForce() {
			return LegalHold{}, ErrReleased
		}
		row.ReleasedBy, row.ReleasedAt, row.ReleaseReason = db.ActorName(), db.Now, in.Reason
		err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "released_by", "released_at", "release_reason")
		row.Version++
		return row.hold(), err
	})
}

// LegalHoldQuery selects holds. Empty fields select everything; set ones must all hold.
type LegalHoldQuery struct {
	Patient hmstype.PatientID
	InForce bool         // only those that are not released
	Page    hmstype.Page // newest first
}

// Validate checks the page's size.
func (q LegalHoldQuery) Validate() error {
	_, err := q.Page.Size()
	return err
}

// LegalHolds lists holds.
func (s *Service) LegalHolds(ctx context.Context, query LegalHoldQuery) (hmstype.List[LegalHold], error) {
	op := usecase.Op{Name: "audit.legal_holds", Permission: hmstype.PermAuditRetain}
	return usecase.Read(ctx, &s.base, op, query, func(ctx context.Context, db dbx.DB, query LegalHoldQuery) (hmstype.List[LegalHold], error) {
		rows, next, err := dbx.Page[holdRow](ctx, db, query.Page, dbx.Order{At: "placed_at", Desc: true}, query.apply)
		list := hmstype.List[LegalHold]{Next: next, Items: make([]LegalHold, len(rows))}
		patients := make([]hmstype.PatientID, len(rows))
		for i, r := range rows {
			list.Items[i], patients[i] = r.hold(), r.PatientID
		}
		if err != nil {
			return list, err
		}
		return list, db.RecordSearch(ctx, "legal_hold", patients...)
	})
}

func (q LegalHoldQuery) apply(sel *bun.SelectQuery) *bun.SelectQuery {
	if !q.Patient.IsZero() {
		sel = sel.Where("hold.patient_id = ?", q.Patient)
	}
	if q.InForce {
		sel = sel.Where("hold.released_at IS NULL")
	}
	return sel
}
