package facility

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// EncounterSource tells whose an encounter is and whether it is open. It runs in the
// deed's transaction, which the encounter then outlasts.
type EncounterSource interface {
	EncounterPatient(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (patient hmstype.PatientID, open bool, err error)
}

// Ports are what this package needs of others.
type Ports struct {
	Patients   patient.Port    // required
	Encounters EncounterSource // required
	Charges    charge.Poster   // nil charges nothing
}

// Service keeps the wards and beds of the actor's tenant.
type Service struct {
	base  usecase.Base
	ports Ports
}

// New makes the service; hms.New calls it.
func New(base usecase.Base, ports Ports) *Service {
	if ports.Charges == nil {
		ports.Charges = charge.None{}
	}
	return &Service{base: base, ports: ports}
}

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

// Ward is a ward (FHIR Location, physical type wa).
type Ward struct {
	ID          hmstype.WardID
	Name        string // required, up to 100 characters, unique up to case, space and kind of dash
	Description string // up to 1000 characters
	Type        string // such as "general", "icu", "maternity"; required, up to 50 characters
	Capacity    int    // planned beds, not negative; what there is says the census
	ServiceCode string // service catalogue code of a day in a bed; empty charges nothing
	Active      bool
	CreatedAt   time.Time
	Version     int64
}

// Validate checks what the caller gives.
func (w Ward) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, w.Name, "name", 100)
	v.Text(w.Description, "description", 0, 1000)
	v.Text(w.Type, "type", 1, 50)
	names.CheckOptional(&v, names.CodeKey, w.ServiceCode, "serviceCode", 50)
	v.Check(w.Capacity >= 0 && w.Capacity <= 10_000, "capacity", "must lie between 0 and 10000")
	return v.Err()
}

type wardRow struct {
	bun.BaseModel `bun:"table:hms.ward,alias:w"`
	dbx.Tenanted
	ID          hmstype.WardID `bun:"id,pk"`
	Name        string
	NameKey     string // twin of Name
	Description string
	WardType    string
	Capacity    int
	ServiceCode string
	IsActive    bool
	CreatedAt   time.Time
	Version     int64
}

// CreateWard adds an active ward; ID, Active, CreatedAt and Version are set by the service.
func (s *Service) CreateWard(ctx context.Context, in Ward) (Ward, error) {
	op := usecase.Op{Name: "facility.create_ward", Permission: hmstype.PermFacilityManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Ward) (Ward, error) {
		in.ID, in.Active, in.CreatedAt, in.Version = hmstype.NewID[hmstype.WardID](), true, db.Now, 1
		return in, dbx.Insert(ctx, db, wardRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: in.ID, Name: in.Name, NameKey: names.NameKey(in.Name),
			Description: in.Description, WardType: in.Type, Capacity: in.Capacity, ServiceCode: in.ServiceCode, IsActive: true, CreatedAt: in.CreatedAt, Version: 1,
		})
	})
}

// Bed is a bed (FHIR Location, physical type bd).
type Bed struct {
	ID          hmstype.BedID
	Ward        hmstype.WardID // required
	Number      string         // required, up to 10 characters, unique in the ward up to case, space and kind of dash
	Type        string         // such as "standard", "icu", "bassinet"; required, up to 50 characters
	Status      BedStatus
	LastCleaned time.Time // UTC; zero means never since it was set up
	CreatedAt   time.Time
	Version     int64
}

// Occupied tells whether a patient lies in the bed.
func (b Bed) Occupied() bool { return b.Status == BedOccupied }

// Validate checks what the caller gives.
func (b Bed) Validate() error {
	var v hmstype.Validator
	v.Required(!b.Ward.IsZero(), "ward")
	names.Check(&v, names.CodeKey, b.Number, "number", 10)
	v.Text(b.Type, "type", 1, 50)
	return v.Err()
}

type bedRow struct {
	bun.BaseModel `bun:"table:hms.bed,alias:b"`
	dbx.Tenanted
	ID           hmstype.BedID `bun:"id,pk"`
	WardID       hmstype.WardID
	BedNumber    string
	BedNumberKey string // twin of BedNumber
	BedType      string
	Status       BedStatus
	LastCleaned  time.Time `bun:",nullzero"`
	CreatedAt    time.Time
	Version      int64
}

func (r bedRow) bed() Bed {
	return Bed{
		ID: r.ID, Ward: r.WardID, Number: r.BedNumber, Type: r.BedType, Status: r.Status,
		LastCleaned: r.LastCleaned.UTC(), CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateBed adds an unoccupied bed; ID, Status, LastCleaned, CreatedAt and Version are set
// by the service.
func (s *Service) CreateBed(ctx context.Context, in Bed) (Bed, error) {
	op := usecase.Op{Name: "facility.create_bed", Permission: hmstype.PermFacilityManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Bed) (Bed, error) {
		row := bedRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.BedID](), WardID: in.Ward, BedNumber: in.Number,
			BedNumberKey: names.CodeKey(in.Number), BedType: in.Type, Status: BedUnoccupied, CreatedAt: db.Now, Version: 1,
		}
		return row.bed(), dbx.Insert(ctx, db, row)
	})
}

// BedsInput selects beds.
type BedsInput struct {
	Ward   hmstype.WardID // zero for all
	Status BedStatus      // empty for all
}

// Validate checks the status.
func (in BedsInput) Validate() error {
	var v hmstype.Validator
	hmstype.OneOf(&v, in.Status, "status", append(BedTransitions.States(), "")...)
	return v.Err()
}

// Beds lists beds by ward and number.
func (s *Service) Beds(ctx context.Context, in BedsInput) ([]Bed, error) {
	op := usecase.Op{Name: "facility.beds", Permission: hmstype.PermFacilityRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in BedsInput) ([]Bed, error) {
		rows, err := dbx.All[bedRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
			if !in.Ward.IsZero() {
				q = q.Where("b.ward_id = ?", in.Ward)
			}
			if in.Status != "" {
				q = q.Where("b.status = ?", in.Status)
			}
			return q.Order("b.ward_id", "b.bed_number", "b.id")
		})
		beds := make([]Bed, len(rows))
		for i, r := range rows {
			beds[i] = r.bed()
		}
		return beds, err
	})
}

// lockBed locks a bed for what is to happen to it.
func lockBed(ctx context.Context, db dbx.DB, id hmstype.BedID) (bedRow, error) {
	return dbx.Get[bedRow](ctx, db, "bed", id, dbx.ForUpdate)
}

// step moves a locked bed to another state.
func (r *bedRow) step(ctx context.Context, db dbx.DB, to BedStatus) error {
	if err := BedTransitions.Check("bed", r.Status, to); err != nil {
		return err
	}
	if r.Status == BedHousekeeping && to == BedUnoccupied {
		r.LastCleaned = db.Now
	}
	r.Status = to
	err := dbx.UpdateVersioned(ctx, db, r, r.Version, "status", "last_cleaned")
	r.Version++
	return err
}

// MarkCleaned says that a bed was cleaned: a contaminated one then still needs its ordinary
// cleaning (K -> H), any other is ready (H -> U).
func (s *Service) MarkCleaned(ctx context.Context, id hmstype.BedID) (Bed, error) {
	op := usecase.Op{Name: "facility.mark_cleaned", Permission: hmstype.PermHousekeeping}
	return s.stepBed(ctx, op, id, func(r bedRow) BedStatus {
		if r.Status == BedContaminated {
			return BedHousekeeping
		}
		return BedUnoccupied
	}, BedHousekeeping, BedContaminated)
}

// CloseBed takes an unoccupied bed out of use.
func (s *Service) CloseBed(ctx context.Context, id hmstype.BedID) (Bed, error) {
	op := usecase.Op{Name: "facility.close_bed", Permission: hmstype.PermFacilityManage}
	return s.stepBed(ctx, op, id, func(bedRow) BedStatus { return BedClosed }, BedUnoccupied)
}

// ReopenBed puts a closed bed into use again.
func (s *Service) ReopenBed(ctx context.Context, id hmstype.BedID) (Bed, error) {
	op := usecase.Op{Name: "facility.reopen_bed", Permission: hmstype.PermFacilityManage}
	return s.stepBed(ctx, op, id, func(bedRow) BedStatus { return BedUnoccupied }, BedClosed)
}

// stepBed moves a bed that is in one of the states to the next one.
func (s *Service) stepBed(ctx context.Context, op usecase.Op, id hmstype.BedID, next func(bedRow) BedStatus, from ...BedStatus) (Bed, error) {
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.BedID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.BedID]) (Bed, error) {
			row, err := lockBed(ctx, db, in.ID)
			if err != nil {
				return Bed{}, err
			}
			for _, f := range from {
				if row.Status == f {
					err := row.step(ctx, db, next(row))
					return row.bed(), err
				}
			}
			return Bed{}, &hmstype.TransitionError{Entity: "bed", From: string(row.Status), To: string(next(row))}
		})
}
