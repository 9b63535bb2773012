package facility

import (
	"bytes"
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// TransferInput moves a patient to another bed.
type TransferInput struct {
	Stay           hmstype.StayID `json:"stay"`         // required, active
	Bed            hmstype.BedID  `json:"bed"`          // required, unoccupied, another one
	Contaminated   bool           `json:"contaminated"` // the old bed needs a terminal clean
	IdempotencyKey string         `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in TransferInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Stay.IsZero(), "stay")
	v.Required(!in.Bed.IsZero(), "bed")
	return v.Err()
}

var opTransfer = usecase.Command[TransferInput, Stay]{
	Name: "facility.transfer", Permission: hmstype.PermAdmit, Shows: stays.One(),
	Key:    func(in TransferInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(s Stay) hmstype.StayID { return s.ID }, getStay),
	Sample: TransferInput{},
}.Declare()

// Transfer ends the stay in one bed and begins one in another at the same instant. The old
// bed then waits for cleaning.
// Permission: [hmstype.PermAdmit].
func (s *Service) Transfer(ctx context.Context, in TransferInput) (Stay, error) {
	return opTransfer.Run(ctx, &s.base, in, transfer)
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
	if old, err = endStay(ctx, db, old.ID, beds[old.BedID], EndTransfer, in.Contaminated); err != nil {
		return Stay{}, err
	}
	bed := beds[in.Bed]
	row := newStay(db, old.PatientID, old.EncounterID, *bed)
	if err := row.occupy(ctx, db, bed); err != nil {
		return Stay{}, err
	}
	return row.stay(), db.Emit(ctx, dbx.Event{Type: eventTransferred, ID: row.ID,
		Data: map[string]string{"from": old.BedID.String(), "to": bed.ID.String()}})
}

// lockBeds locks several beds in the order of their ids, so that two use cases with the same
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
