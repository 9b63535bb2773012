package facility

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

func newStay(db dbx.DB, who hmstype.PatientID, encounter hmstype.EncounterID, bed bedRow) stayRow {
	return stayRow{
		Header: dbx.NewHeader[hmstype.StayID](db), PatientID: who, EncounterID: encounter,
		BedID: bed.ID, WardID: bed.WardID, Status: StayActive, StartsAt: db.Now,
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
	rows, err := dbx.All[stayRow](ctx, db,
		dbx.Where("(st.bed_id = ? OR st.patient_id = ?)", wanted.BedID, wanted.PatientID),
		dbx.Where("st.status <> ?", StayEnteredInError), dbx.Where("(st.ends_at IS NULL OR st.ends_at > ?)", wanted.StartsAt),
		dbx.OrderBy("st.starts_at", "st.id"))
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
