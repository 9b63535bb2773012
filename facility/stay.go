package facility

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// StayStatus is FHIR R4 encounter-location-status, as far as a bed is concerned.
type StayStatus string

// The states of a stay.
const (
	StayActive         StayStatus = "active"
	StayCompleted      StayStatus = "completed"
	StayEnteredInError StayStatus = "entered-in-error"
)

// StayTransitions are the allowed steps between the states.
var StayTransitions = hmstype.Transitions[StayStatus]{
	StayActive:    {StayCompleted, StayEnteredInError},
	StayCompleted: {StayEnteredInError},
}

// Stay is the interval that a patient spends in one bed.
type Stay struct {
	ID                 hmstype.StayID
	Patient            hmstype.PatientID
	Encounter          hmstype.EncounterID
	Bed                hmstype.BedID
	Ward               hmstype.WardID
	Status             StayStatus
	Period             hmstype.Period // open while the patient lies there
	DischargeOrderedAt time.Time      // UTC; zero means not ordered
	EndReason          string         // "transfer" or the reason of the departure
	CreatedAt          time.Time
	Version            int64
}

type stayRow struct {
	bun.BaseModel `bun:"table:hms.stay,alias:st"`
	dbx.Tenanted
	ID                 hmstype.StayID `bun:"id,pk"`
	PatientID          hmstype.PatientID
	EncounterID        hmstype.EncounterID
	BedID              hmstype.BedID
	WardID             hmstype.WardID
	Status             StayStatus
	StartsAt           time.Time
	EndsAt             time.Time `bun:",nullzero"`
	DischargeOrderedAt time.Time `bun:",nullzero"`
	EndReason          string
	CreatedBy          string
	CreatedAt          time.Time
	Version            int64
}

func (r stayRow) stay() Stay {
	return Stay{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Bed: r.BedID, Ward: r.WardID, Status: r.Status,
		Period:             hmstype.Period{Start: r.StartsAt.UTC(), End: r.EndsAt.UTC()},
		DischargeOrderedAt: r.DischargeOrderedAt.UTC(), EndReason: r.EndReason, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// AdmitInput puts a patient into a bed.
type AdmitInput struct {
	Encounter      hmstype.EncounterID // required, open
	Bed            hmstype.BedID       // required, unoccupied
	IdempotencyKey string
}

// Validate implements the rules above.
func (in AdmitInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	v.Required(!in.Bed.IsZero(), "bed")
	return v.Err()
}

// Admit puts the patient of an open encounter into a bed, now. Of many who want the last
// bed at once, one gets it; the others get [ErrBedTaken] or [ErrBedNotReady].
// [ErrPatientInBed] where the patient lies in another one.
func (s *Service) Admit(ctx context.Context, in AdmitInput) (Stay, error) {
	op := usecase.Op{Name: "facility.admit", Permission: hmstype.PermAdmit, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.admit)
}

func (s *Service) admit(ctx context.Context, db dbx.DB, in AdmitInput) (Stay, error) {
	who, open, err := s.ports.Encounters.EncounterPatient(ctx, db.Conn(), in.Encounter)
	if err != nil {
		return Stay{}, err
	}
	if !open {
		return Stay{}, ErrEncounter
	}
	if _, err := s.ports.Patients.Require(ctx, db.Conn(), who); err != nil {
		return Stay{}, err
	}
	bed, err := lockBed(ctx, db, in.Bed)
	if err != nil {
		return Stay{}, err
	}
	row := newStay(db, who, in.Encounter, bed)
	if err := row.occupy(ctx, db, &bed); err != nil {
		return Stay{}, err
	}
	return row.stay(), db.Emit(ctx, dbx.Event{Type: "facility.admitted", Entity: "stay", ID: row.ID, Data: map[string]string{"bed": bed.ID.String()}})
}

func newStay(db dbx.DB, who hmstype.PatientID, encounter hmstype.EncounterID, bed bedRow) stayRow {
	return stayRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.StayID](), PatientID: who, EncounterID: encounter,
		BedID: bed.ID, WardID: bed.WardID, Status: StayActive, StartsAt: db.Now, CreatedBy: db.ActorName(), CreatedAt: db.Now, Version: 1,
	}
}

// occupy inserts the stay into a locked bed and marks that as occupied.
func (r *stayRow) occupy(ctx context.Context, db dbx.DB, bed *bedRow) error {
	switch bed.Status {
	case BedUnoccupied:
	case BedOccupied:
		return inTheWay(ctx, db, *r)
	default:
		return ErrBedNotReady
	}
	done, err := dbx.InsertIfFree(ctx, db, r)
	if err != nil {
		return err
	}
	if !done {
		return inTheWay(ctx, db, *r)
	}
	return bed.step(ctx, db, BedOccupied)
}

// inTheWay finds the stay that the wanted one would overlap.
func inTheWay(ctx context.Context, db dbx.DB, wanted stayRow) error {
	rows, err := dbx.All[stayRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("(st.bed_id = ? OR st.patient_id = ?)", wanted.BedID, wanted.PatientID).
			Where("st.status <> ?", StayEnteredInError).Where("(st.ends_at IS NULL OR st.ends_at > ?)", wanted.StartsAt).Order("st.starts_at", "st.id")
	})
	if err != nil {
		return err
	}
	for _, r := range rows {
		if r.BedID == wanted.BedID {
			return &BedTakenError{Stay: r.ID, Since: r.StartsAt.UTC()}
		}
	}
	if len(rows) > 0 {
		return ErrPatientInBed
	}
	return ErrBedTaken
}

// TransferInput moves a patient to another bed.
type TransferInput struct {
	Stay           hmstype.StayID // required, active
	Bed            hmstype.BedID  // required, unoccupied, another one
	Contaminated   bool           // the old bed needs a terminal clean
	IdempotencyKey string
}

// Validate implements the rules above.
func (in TransferInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Stay.IsZero(), "stay")
	v.Required(!in.Bed.IsZero(), "bed")
	return v.Err()
}

// Transfer ends the stay in one bed and begins one in another at the same instant. The old
// bed then waits for cleaning.
func (s *Service) Transfer(ctx context.Context, in TransferInput) (Stay, error) {
	op := usecase.Op{Name: "facility.transfer", Permission: hmstype.PermAdmit, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, transfer)
}

func transfer(ctx context.Context, db dbx.DB, in TransferInput) (Stay, error) {
	old, err := dbx.Get[stayRow](ctx, db, "stay", in.Stay)
	if err != nil {
		return Stay{}, err
	}
	if old.BedID == in.Bed {
		return Stay{}, hmstype.Invalid("bed", "must be another bed")
	}
	beds, err := lockBeds(ctx, db, old.BedID, in.Bed)
	if err != nil {
		return Stay{}, err
	}
	if err := endStay(ctx, db, &old, beds[old.BedID], "transfer", in.Contaminated); err != nil {
		return Stay{}, err
	}
	bed := beds[in.Bed]
	row := newStay(db, old.PatientID, old.EncounterID, *bed)
	if err := row.occupy(ctx, db, bed); err != nil {
		return Stay{}, err
	}
	return row.stay(), db.Emit(ctx, dbx.Event{Type: "facility.transferred", Entity: "stay", ID: row.ID,
		Data: map[string]string{"from": old.BedID.String(), "to": bed.ID.String()}})
}

// lockBeds locks several beds in the order of their ids, so that two deeds with the same
// beds never wait for each other.
func lockBeds(ctx context.Context, db dbx.DB, ids ...hmstype.BedID) (map[hmstype.BedID]*bedRow, error) {
	slices.SortFunc(ids, func(a, b hmstype.BedID) int { return bytes.Compare(a[:], b[:]) })
	beds := map[hmstype.BedID]*bedRow{}
	for _, id := range ids {
		row, err := lockBed(ctx, db, id)
		if err != nil {
			return nil, err
		}
		beds[id] = &row
	}
	return beds, nil
}

// endStay ends a stay whose bed is locked, and leaves the bed to be cleaned. The stay is
// read anew under the lock: somebody else may have ended it.
func endStay(ctx context.Context, db dbx.DB, r *stayRow, bed *bedRow, reason string, contaminated bool) error {
	now, err := dbx.Get[stayRow](ctx, db, "stay", r.ID, dbx.ForUpdate)
	if err != nil {
		return err
	}
	if now.Status != StayActive {
		return ErrStayEnded
	}
	*r = now
	r.Status, r.EndsAt, r.EndReason = StayCompleted, db.Now, reason
	if err := dbx.UpdateVersioned(ctx, db, r, r.Version, "status", "ends_at", "end_reason"); err != nil {
		return err
	}
	r.Version++
	to := BedHousekeeping
	if contaminated {
		to = BedContaminated
	}
	return bed.step(ctx, db, to)
}

// OrderDischarge says that the patient may go. The bed stays occupied until [Service.Depart].
func (s *Service) OrderDischarge(ctx context.Context, id hmstype.StayID) (Stay, error) {
	op := usecase.Op{Name: "facility.order_discharge", Permission: hmstype.PermAdmit}
	return usecase.Write(ctx, &s.base, op, usecase.ByID[hmstype.StayID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.StayID]) (Stay, error) {
			row, err := dbx.Get[stayRow](ctx, db, "stay", in.ID, dbx.ForUpdate)
			if err != nil {
				return Stay{}, err
			}
			if row.Status != StayActive {
				return Stay{}, ErrStayEnded
			}
			row.DischargeOrderedAt = db.Now
			err = dbx.UpdateVersioned(ctx, db, &row, row.Version, "discharge_ordered_at")
			row.Version++
			return row.stay(), err
		})
}

// DepartInput says that a patient has left the bed.
type DepartInput struct {
	Stay         hmstype.StayID // required; its discharge was ordered
	Contaminated bool           // the bed needs a terminal clean
}

// Validate implements the rules above.
func (in DepartInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Stay.IsZero(), "stay")
	return v.Err()
}

// Depart ends the stay of a patient who has left. The bed then waits for cleaning, and is
// free only after that.
func (s *Service) Depart(ctx context.Context, in DepartInput) (Stay, error) {
	op := usecase.Op{Name: "facility.depart", Permission: hmstype.PermAdmit}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in DepartInput) (Stay, error) {
		row, err := dbx.Get[stayRow](ctx, db, "stay", in.Stay)
		if err != nil {
			return Stay{}, err
		}
		bed, err := lockBed(ctx, db, row.BedID)
		if err != nil {
			return Stay{}, err
		}
		if row.DischargeOrderedAt.IsZero() && row.Status == StayActive {
			return Stay{}, ErrDischargeNotOrdered
		}
		if err := endStay(ctx, db, &row, &bed, "discharge", in.Contaminated); err != nil {
			return Stay{}, err
		}
		return row.stay(), db.Emit(ctx, dbx.Event{Type: "facility.departed", Entity: "stay", ID: row.ID, Data: map[string]string{"bed": bed.ID.String()}})
	})
}

// BeforeFinish refuses to finish an encounter whose patient lies in a bed of ours. It runs
// in the caller's transaction.
func (p Port) BeforeFinish(ctx context.Context, conn bun.IConn, encounter hmstype.EncounterID) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	lies, err := dbx.Exists[stayRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("st.encounter_id = ?", encounter).Where("st.status = ?", StayActive)
	})
	if err == nil && lies {
		err = ErrStillInBed
	}
	return dbx.Map(err)
}
