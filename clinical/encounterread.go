package clinical

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// GetEncounter gives an encounter, and records that it was read.
func (s *Service) GetEncounter(ctx context.Context, id hmstype.EncounterID) (Encounter, error) {
	op := usecase.Op{Name: "encounter.get", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.EncounterID]{ID: id},
		fieldcrypt.Opened(s.base.Crypt, encounterText, func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) (Encounter, error) {
			row, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID)
			if err != nil {
				return Encounter{}, err
			}
			return row.encounter(), db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "encounter", ID: row.ID.String(), Patient: row.PatientID})
		}))
}

// OfPatient selects a page of what is recorded of a patient, the newest first.
type OfPatient struct {
	Patient hmstype.PatientID // required
	Page    hmstype.Page
}

// Validate implements the rules above.
func (in OfPatient) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Encounters lists a patient's encounters of all states, the latest start first.
func (s *Service) Encounters(ctx context.Context, in OfPatient) (hmstype.List[Encounter], error) {
	op := usecase.Op{Name: "encounter.list", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, in, fieldcrypt.OpenedList(s.base.Crypt, encounterText, func(ctx context.Context, db dbx.DB, in OfPatient) (hmstype.List[Encounter], error) {
		return listOf(ctx, db, in, "encounter", dbx.Order{At: "started_at", Desc: true}, encounterRow.encounter)
	}))
}

// listOf gives a page of a patient's rows and records that they were read.
func listOf[R dbx.Positioned, T any](ctx context.Context, db dbx.DB, in OfPatient, entity string, order dbx.Order, show func(R) T) (hmstype.List[T], error) {
	rows, next, err := dbx.Page[R](ctx, db, in.Page, order, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.patient_id = ?", in.Patient)
	})
	if err != nil {
		return hmstype.List[T]{}, err
	}
	list := hmstype.List[T]{Items: make([]T, len(rows)), Next: next}
	for i, r := range rows {
		list.Items[i] = show(r)
	}
	return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: entity, Patient: in.Patient})
}

// inEncounter gives what was recorded in an encounter, oldest first, and records that it
// was read. An unknown encounter is not found.
func inEncounter[R, T any](ctx context.Context, db dbx.DB, id hmstype.EncounterID, entity string, show func(R) T) ([]T, error) {
	encounter, err := dbx.Get[encounterRow](ctx, db, "encounter", id)
	if err != nil {
		return nil, err
	}
	rows, err := dbx.All[R](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("?TableAlias.encounter_id = ?", id).Order("id")
	})
	if err != nil {
		return nil, err
	}
	list := make([]T, len(rows))
	for i, r := range rows {
		list[i] = show(r)
	}
	return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: entity, Patient: encounter.PatientID})
}

// EncounterHistory gives the states that an encounter has been in, in their order.
func (s *Service) EncounterHistory(ctx context.Context, id hmstype.EncounterID) ([]StatusEntry, error) {
	op := usecase.Op{Name: "encounter.history", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.EncounterID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.EncounterID]) ([]StatusEntry, error) {
			encounter, err := dbx.Get[encounterRow](ctx, db, "encounter", in.ID)
			if err != nil {
				return nil, err
			}
			rows, err := dbx.All[encounterStatusRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
				return q.Where("es.encounter_id = ?", in.ID).Order("es.version")
			})
			if err != nil {
				return nil, err
			}
			list := make([]StatusEntry, len(rows))
			for i, r := range rows {
				list[i] = StatusEntry{Status: r.Status, At: r.EnteredAt.UTC(), By: r.EnteredBy, Reason: r.Reason}
			}
			return list, db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "encounter", ID: in.ID.String(), Patient: encounter.PatientID})
		})
}

// EncounterPatient tells whose encounter it is and whether it is open, for a deed of the
// caller's transaction; it locks the encounter against being finished meanwhile.
func (p Port) EncounterPatient(ctx context.Context, conn bun.IConn, id hmstype.EncounterID) (hmstype.PatientID, bool, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return hmstype.PatientID{}, false, err
	}
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	return row.PatientID, row.open(), err
}

// requireOpen gives the encounter that something is being added to.
func requireOpen(ctx context.Context, db dbx.DB, id hmstype.EncounterID) (encounterRow, error) {
	row, err := dbx.Get[encounterRow](ctx, db, "encounter", id, dbx.ForShare)
	if err == nil && !row.open() {
		err = ErrEncounterClosed
	}
	return row, err
}
