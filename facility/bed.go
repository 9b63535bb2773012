package facility

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// BedStatus is HL7 v2 table 0116.
type BedStatus string

// The states of a bed.
const (
	BedUnoccupied   BedStatus = "U"
	BedOccupied     BedStatus = "O"
	BedHousekeeping BedStatus = "H"
	BedContaminated BedStatus = "K"
	BedIsolated     BedStatus = "I"
	BedClosed       BedStatus = "C"
)

// BedTransitions are the allowed steps between the states.
var BedTransitions = hmstype.Transitions[BedStatus]{
	BedUnoccupied:   {BedOccupied, BedClosed, BedIsolated},
	BedOccupied:     {BedHousekeeping, BedContaminated, BedIsolated},
	BedHousekeeping: {BedUnoccupied},
	BedContaminated: {BedHousekeeping},
	BedIsolated:     {BedUnoccupied, BedContaminated},
	BedClosed:       {BedUnoccupied},
}

// BedDetails are what people say of a bed.
type BedDetails struct {
	Number string `bun:"bed_number" json:"number"` // required, up to 10 characters, unique in the ward
	Type   string `bun:"bed_type"   json:"type"`   // such as "standard", "icu", "bassinet"; required, up to 50 characters
}

func (d BedDetails) validate(v *hmstype.Validator) {
	names.Check(v, names.CodeKey, d.Number, "number", 10)
	v.Text(d.Type, "type", 1, 50)
}

// Bed is a bed (FHIR Location, physical type bd).
type Bed struct {
	ID   hmstype.BedID  `json:"id"`
	Ward hmstype.WardID `json:"ward"`
	BedDetails
	Status      BedStatus        `json:"status"`
	LastCleaned time.Time        `json:"lastCleaned,omitzero"` // UTC; zero means never since it was set up
	CreatedBy   hmstype.ActorRef `json:"createdBy"`
	CreatedAt   time.Time        `json:"createdAt,omitzero"` // UTC
	Version     int64            `json:"version"`            // counts changes, from 1
}

type bedRow struct {
	bun.BaseModel `bun:"table:hms.bed,alias:b"`
	dbx.Header[hmstype.BedID]
	WardID hmstype.WardID
	BedDetails
	BedNumberKey string // normal form of Number
	Status       BedStatus
	LastCleaned  time.Time `bun:",nullzero"`
}

func (r bedRow) bed() Bed {
	return Bed{
		ID: r.ID, Ward: r.WardID, BedDetails: r.BedDetails, Status: r.Status, LastCleaned: r.LastCleaned.UTC(),
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

var bedSteps = dbx.Machine[bedRow, BedStatus]{
	Table: "bed", Transitions: BedTransitions,
	State:   func(r *bedRow) *BedStatus { return &r.Status },
	Columns: []string{"last_cleaned"},
}

// CreateBedInput describes a new bed, which is unoccupied.
type CreateBedInput struct {
	Ward hmstype.WardID `json:"ward"` // required
	BedDetails
}

// Validate implements the rules above.
func (in CreateBedInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Ward.IsZero(), "ward")
	in.BedDetails.validate(&v)
	return v.Err()
}

var opCreateBed = usecase.Command[CreateBedInput, Bed]{
	Name: "facility.create_bed", Permission: hmstype.PermFacilityManage, Shows: usecase.Nobody[Bed](places),
	Sample: CreateBedInput{BedDetails: BedDetails{Number: "12", Type: "standard"}},
}.Declare()

// CreateBed adds an unoccupied bed to a ward; [ErrNameTaken].
// Permission: [hmstype.PermFacilityManage].
func (s *Service) CreateBed(ctx context.Context, in CreateBedInput) (Bed, error) {
	return opCreateBed.Run(ctx, &s.base, in, createBed)
}

func createBed(ctx context.Context, db dbx.DB, in CreateBedInput) (Bed, error) {
	row := bedRow{
		Header: dbx.NewHeader[hmstype.BedID](db), WardID: in.Ward, BedDetails: in.BedDetails,
		BedNumberKey: names.CodeKey(in.Number), Status: BedUnoccupied,
	}
	return row.bed(), dbx.Insert(ctx, db, row)
}

// ListBedsInput selects beds.
type ListBedsInput struct {
	Ward   hmstype.WardID `json:"ward"`   // zero for all
	Status BedStatus      `json:"status"` // empty for all
}

// Validate checks the status.
func (in ListBedsInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", append(BedTransitions.States(), "")...)
	return v.Err()
}

var opListBeds = usecase.Query[ListBedsInput, []Bed]{
	Name: "facility.list_beds", Permission: hmstype.PermFacilityRead,
	Shows: usecase.Nobody[[]Bed](places), Quiet: places,
	Sample: ListBedsInput{},
}.Declare()

// ListBeds lists beds by ward and number.
// Permission: [hmstype.PermFacilityRead].
func (s *Service) ListBeds(ctx context.Context, in ListBedsInput) ([]Bed, error) {
	return opListBeds.Run(ctx, &s.base, in, beds)
}

func beds(ctx context.Context, db dbx.DB, in ListBedsInput) ([]Bed, error) {
	rows, err := dbx.All[bedRow](ctx, db,
		dbx.When(!in.Ward.IsZero(), dbx.Equal("ward_id", in.Ward)), dbx.When(in.Status != "", dbx.Equal("status", in.Status)),
		dbx.OrderBy("b.ward_id", "b.bed_number", "b.id"))
	list := make([]Bed, len(rows))
	for i, r := range rows {
		list[i] = r.bed()
	}
	return list, err
}

var opMarkCleaned = usecase.Command[usecase.ByID[hmstype.BedID], Bed]{
	Name: "facility.mark_cleaned", Permission: hmstype.PermHousekeeping, Shows: usecase.Nobody[Bed](places),
}.Declare()

// MarkCleaned says that a bed was cleaned: a contaminated one then still needs its ordinary
// cleaning (K -> H), any other is ready (H -> U).
// Permission: [hmstype.PermHousekeeping].
func (s *Service) MarkCleaned(ctx context.Context, id hmstype.BedID) (Bed, error) {
	return opMarkCleaned.Run(ctx, &s.base, usecase.ID(id), markCleaned)
}

func markCleaned(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BedID]) (Bed, error) {
	row, err := lockBed(ctx, db, in.ID)
	if err != nil {
		return Bed{}, err
	}
	if row.Status == BedContaminated {
		return moveBed(ctx, db, row, BedContaminated, BedHousekeeping)
	}
	return moveBed(ctx, db, row, BedHousekeeping, BedUnoccupied)
}

var opCloseBed = usecase.Command[usecase.ByID[hmstype.BedID], Bed]{
	Name: "facility.close_bed", Permission: hmstype.PermFacilityManage, Shows: usecase.Nobody[Bed](places),
}.Declare()

// CloseBed takes an unoccupied bed out of use.
// Permission: [hmstype.PermFacilityManage].
func (s *Service) CloseBed(ctx context.Context, id hmstype.BedID) (Bed, error) {
	return opCloseBed.Run(ctx, &s.base, usecase.ID(id), closeBed)
}

func closeBed(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BedID]) (Bed, error) {
	row, err := lockBed(ctx, db, in.ID)
	if err != nil {
		return Bed{}, err
	}
	return moveBed(ctx, db, row, BedUnoccupied, BedClosed)
}

var opReopenBed = usecase.Command[usecase.ByID[hmstype.BedID], Bed]{
	Name: "facility.reopen_bed", Permission: hmstype.PermFacilityManage, Shows: usecase.Nobody[Bed](places),
}.Declare()

// ReopenBed puts a closed bed into use again.
// Permission: [hmstype.PermFacilityManage].
func (s *Service) ReopenBed(ctx context.Context, id hmstype.BedID) (Bed, error) {
	return opReopenBed.Run(ctx, &s.base, usecase.ID(id), reopenBed)
}

func reopenBed(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BedID]) (Bed, error) {
	row, err := lockBed(ctx, db, in.ID)
	if err != nil {
		return Bed{}, err
	}
	return moveBed(ctx, db, row, BedClosed, BedUnoccupied)
}

// lockBed locks a bed for what is to happen to it.
func lockBed(ctx context.Context, db dbx.DB, id hmstype.BedID) (bedRow, error) {
	return dbx.Get[bedRow](ctx, db, "bed", id, dbx.ForUpdate)
}

// moveBed moves a locked bed from one state to another, and refuses where it is in any other: several
// use cases end in one state, and none may stand in for another.
func moveBed(ctx context.Context, db dbx.DB, row bedRow, from, to BedStatus) (Bed, error) {
	if row.Status != from {
		return Bed{}, &hmstype.TransitionError{Entity: "bed", From: string(row.Status), To: string(to)}
	}
	err := row.step(ctx, db, to)
	return row.bed(), err
}

// step moves a locked bed to another state.
func (r *bedRow) step(ctx context.Context, db dbx.DB, to BedStatus) error {
	from := r.Status
	return dbx.Move(ctx, db, bedSteps, r, dbx.Change[bedRow, BedStatus]{To: to, Apply: func(row *bedRow) error {
		if from == BedHousekeeping && to == BedUnoccupied {
			row.LastCleaned = db.Now
		}
		return nil
	}})
}
