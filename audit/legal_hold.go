package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LegalHoldDetails say what is held, and why.
type LegalHoldDetails struct {
	Patient hmstype.PatientID `bun:"patient_id,nullzero" json:"patient"` // zero: everything of the tenant
	Reason  string            `bun:"reason"              json:"reason"`  // 3 to 1000 characters: the case, not its story
}

func (d LegalHoldDetails) validate(v *hmstype.Validator) {
	v.Text(d.Reason, "reason", 3, 1000)
}

// LegalHold forbids to erase what a dispute or an inquiry may need: all of the tenant's, or
// what concerns one patient. It is never removed, only released, once. The database answers
// hms.is_held(tenant, patient) to everything that erases.
type LegalHold struct {
	ID hmstype.LegalHoldID `json:"id"`
	LegalHoldDetails
	PlacedBy      hmstype.ActorRef `json:"placedBy"`
	PlacedAt      time.Time        `json:"placedAt,omitzero"`   // UTC
	ReleasedBy    hmstype.ActorRef `json:"releasedBy"`          // zero while it is in force
	ReleasedAt    time.Time        `json:"releasedAt,omitzero"` // UTC; zero while it is in force
	ReleaseReason string           `json:"releaseReason,omitempty"`
	Version       int64            `json:"version"` // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left tells that something is held, by whom and since when.
	Withheld bool `json:"withheld,omitempty"`
}

// InForce tells whether the hold forbids anything.
func (h LegalHold) InForce() bool { return h.ReleasedAt.IsZero() }

type holdRow struct {
	bun.BaseModel `bun:"table:hms.legal_hold,alias:hold"`
	dbx.Header[hmstype.LegalHoldID]
	LegalHoldDetails
	ReleasedBy    hmstype.ActorRef
	ReleasedAt    time.Time `bun:",nullzero"`
	ReleaseReason string
}

func (r holdRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

func (r holdRow) hold() LegalHold {
	return LegalHold{
		ID: r.ID, LegalHoldDetails: r.LegalHoldDetails, PlacedBy: r.CreatedBy, PlacedAt: r.CreatedAt.UTC(),
		ReleasedBy: r.ReleasedBy, ReleasedAt: r.ReleasedAt.UTC(), ReleaseReason: r.ReleaseReason, Version: r.Version,
	}
}

// legalHolds is what every use case that shows holds shows of whom.
var legalHolds = usecase.Entity[LegalHold]{
	Table:   "legal_hold",
	Patient: func(h *LegalHold) hmstype.PatientID { return h.Patient },
	ID:      func(h *LegalHold) string { return h.ID.String() },
}

// PlaceLegalHoldInput says what is held, and why.
type PlaceLegalHoldInput struct {
	LegalHoldDetails
}

// Validate implements the rules above.
func (in PlaceLegalHoldInput) Validate() error {
	var v hmstype.Validator
	in.LegalHoldDetails.validate(&v)
	return v.Err()
}

var opPlaceLegalHold = usecase.Command[PlaceLegalHoldInput, LegalHold]{
	Name: "audit.place_legal_hold", Permission: hmstype.PermAuditRetain, Shows: legalHolds.One(),
	Sample: PlaceLegalHoldInput{LegalHoldDetails{Reason: "case 1/26"}},
}.Declare()

// PlaceLegalHold forbids to erase from now on. It waits for a purge that is just committing;
// one that still writes its archive will find the hold and give up.
// Permission: [hmstype.PermAuditRetain].
func (s *Service) PlaceLegalHold(ctx context.Context, in PlaceLegalHoldInput) (LegalHold, error) {
	return opPlaceLegalHold.Run(ctx, &s.base, in, placeLegalHold)
}

func placeLegalHold(ctx context.Context, db dbx.DB, in PlaceLegalHoldInput) (LegalHold, error) {
	if err := db.LockName(ctx, retentionLock); err != nil {
		return LegalHold{}, err
	}
	row := holdRow{Header: dbx.NewHeader[hmstype.LegalHoldID](db), LegalHoldDetails: in.LegalHoldDetails}
	return row.hold(), dbx.Insert(ctx, db, row)
}

// ReleaseLegalHoldInput ends a hold.
type ReleaseLegalHoldInput struct {
	ID     hmstype.LegalHoldID `json:"id"`     // required
	Reason string              `json:"reason"` // required, 3 to 1000 characters
}

// Validate implements the rules above.
func (in ReleaseLegalHoldInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Text(in.Reason, "reason", 3, 1000)
	return v.Err()
}

var opReleaseLegalHold = usecase.Command[ReleaseLegalHoldInput, LegalHold]{
	Name: "audit.release_legal_hold", Permission: hmstype.PermAuditRetain, Shows: legalHolds.One(),
	Sample: ReleaseLegalHoldInput{Reason: "the case is closed"},
}.Declare()

// ReleaseLegalHold ends a hold; [ErrReleased] where somebody did before.
// Permission: [hmstype.PermAuditRetain].
func (s *Service) ReleaseLegalHold(ctx context.Context, in ReleaseLegalHoldInput) (LegalHold, error) {
	return opReleaseLegalHold.Run(ctx, &s.base, in, releaseLegalHold)
}

func releaseLegalHold(ctx context.Context, db dbx.DB, in ReleaseLegalHoldInput) (LegalHold, error) {
	row, err := dbx.Get[holdRow](ctx, db, "legal_hold", in.ID, dbx.ForUpdate)
	if err != nil {
		return LegalHold{}, err
	}
	if !row.hold().InForce() {
		return LegalHold{}, ErrReleased
	}
	row.ReleasedBy, row.ReleasedAt, row.ReleaseReason = db.By(), db.Now, in.Reason
	err = dbx.Update(ctx, db, &row, "released_by", "released_at", "release_reason")
	return row.hold(), err
}

// ListLegalHoldsInput selects holds. Empty fields select everything; set ones must all hold.
type ListLegalHoldsInput struct {
	Patient hmstype.PatientID `json:"patient"`
	InForce bool              `json:"inForce"` // only those that are not released
	Page    hmstype.Page      `json:"page"`    // newest first
}

// Validate checks the page's size.
func (q ListLegalHoldsInput) Validate() error {
	_, err := q.Page.Size()
	return err
}

var opListLegalHolds = usecase.Query[ListLegalHoldsInput, hmstype.List[LegalHold]]{
	Name: "audit.list_legal_holds", Permission: hmstype.PermAuditRetain, Shows: legalHolds.Found(),
	Sample: ListLegalHoldsInput{Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListLegalHolds lists holds. Why the data of a restricted patient are held is withheld from who may
// not see them.
// Permission: [hmstype.PermAuditRetain].
func (s *Service) ListLegalHolds(ctx context.Context, query ListLegalHoldsInput) (hmstype.List[LegalHold], error) {
	return opListLegalHolds.Run(ctx, &s.base, query, listLegalHolds)
}

func listLegalHolds(ctx context.Context, db dbx.DB, q ListLegalHoldsInput) (hmstype.List[LegalHold], error) {
	db.About(q.Patient)
	return dbx.List(ctx, db, q.Page, dbx.Order{At: "created_at", Desc: true}, holdRow.hold,
		dbx.When(!q.Patient.IsZero(), dbx.Equal("patient_id", q.Patient)),
		dbx.When(q.InForce, dbx.Where("hold.released_at IS NULL")))
}
