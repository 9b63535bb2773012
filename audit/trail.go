package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// Service answers questions to the trail of the actor's tenant.
type Service struct {
	base service.Base
	log  LogConfig
}

// New makes the service; hms.New calls it. The zero LogConfig seals nothing.
func New(base service.Base, log LogConfig) *Service {
	return &Service{base: base, log: log.withDefaults()}
}

// Query selects events. Empty fields select everything; set ones must all hold.
type Query struct {
	Patient  hmstype.PatientID // whose data
	Actor    string            // who, as in Event.Actor
	User     hmstype.UserID    // a human, instead of Actor
	Entity   string            // of which kind
	EntityID string            // which one; needs Entity
	Actions  []Action          // any of these
	During   hmstype.Period    // half-open; zero bounds are open
	Page     hmstype.Page      // newest first
}

// Validate checks that the query says what it wants.
func (q Query) Validate() error {
	var v hmstype.Validator
	v.Text(q.Actor, "actor", 0, 200)
	v.Text(q.Entity, "entity", 0, 100)
	v.Text(q.EntityID, "entityId", 0, 200)
	v.Check(q.EntityID == "" || q.Entity != "", "entity", "required with entityId")
	v.Check(q.Actor == "" || q.User.IsZero(), "user", "must not be given together with actor")
	v.Check(q.During.End.IsZero() || q.During.End.After(q.During.Start), "during.end", "must be after start")
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// Trail lists the events that the query selects, newest first. Reading the trail of a
// patient is itself a read of that patient's data, and is recorded.
func (s *Service) Trail(ctx context.Context, query Query) (hmstype.List[Event], error) {
	op := service.Op{Name: "audit.trail", Permission: hmstype.PermAuditRead}
	return service.Read(ctx, &s.base, op, query, trail)
}

// OfPatient lists who saw or changed a patient's data, newest first.
func (s *Service) OfPatient(ctx context.Context, patient hmstype.PatientID, page hmstype.Page) (hmstype.List[Event], error) {
	return s.Trail(ctx, Query{Patient: patient, Page: page})
}

func trail(ctx context.Context, db dbx.DB, query Query) (hmstype.List[Event], error) {
	rows, next, err := dbx.Page[eventRow](ctx, db, query.Page, dbx.Order{At: "recorded_at", Desc: true}, query.apply)
	if err != nil {
		return hmstype.List[Event]{}, err
	}
	list := hmstype.List[Event]{Items: make([]Event, len(rows)), Next: next}
	for i, r := range rows {
		list.Items[i] = r.event()
	}
	return list, db.RecordAccess(ctx, dbx.Access{Action: string(ActionRead), Entity: "audit_event", Patient: query.Patient})
}

func (q Query) apply(sel *bun.SelectQuery) *bun.SelectQuery {
	if !q.Patient.IsZero() {
		sel = sel.Where("e.patient_id = ?", q.Patient)
	}
	if q.Actor != "" {
		sel = sel.Where("e.actor = ?", q.Actor)
	}
	if !q.User.IsZero() {
		sel = sel.Where("e.actor = ?", string(hmstype.ActorHuman)+":"+q.User.String())
	}
	if q.Entity != "" {
		sel = sel.Where("e.entity = ?", q.Entity)
	}
	if q.EntityID != "" {
		sel = sel.Where("e.entity_id = ?", q.EntityID)
	}
	if len(q.Actions) > 0 {
		sel = sel.Where("e.action IN (?)", bun.List(q.Actions))
	}
	if !q.During.Start.IsZero() {
		sel = sel.Where("e.recorded_at >= ?", q.During.Start.UTC().Truncate(time.Microsecond))
	}
	if !q.During.End.IsZero() {
		sel = sel.Where("e.recorded_at < ?", q.During.End.UTC().Truncate(time.Microsecond))
	}
	return sel
}
