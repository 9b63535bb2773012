package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListEventsInput selects events. Empty fields select everything; set ones must all hold.
type ListEventsInput struct {
	Patient  hmstype.PatientID `json:"patient"`  // whose data
	Actor    string            `json:"actor"`    // who, as the text of Event.Actor
	User     hmstype.UserID    `json:"user"`     // a user, person or program, instead of Actor
	Session  hmstype.SessionID `json:"session"`  // under which session
	APIKey   hmstype.APIKeyID  `json:"apiKey"`   // by which key, instead of Session
	Entity   string            `json:"entity"`   // of which kind
	EntityID string            `json:"entityId"` // which one; needs Entity
	Actions  []Action          `json:"actions"`  // any of these
	During   hmstype.Period    `json:"during"`   // half-open; zero bounds are open
	Page     hmstype.Page      `json:"page"`     // newest first
}

// Validate checks that the query says what it wants.
func (q ListEventsInput) Validate() error {
	var v hmstype.Validator
	v.Text(q.Actor, "actor", 0, 200)
	v.Text(q.Entity, "entity", 0, 100)
	v.Text(q.EntityID, "entityId", 0, 200)
	v.Check(q.EntityID == "" || q.Entity != "", "entity", "required with entityId")
	v.Check(q.Actor == "" || q.User.IsZero(), "user", "must not be given together with actor")
	v.Check(q.Session.IsZero() || q.APIKey.IsZero(), "apiKey", "must not be given together with session")
	v.Check(q.During.End.IsZero() || q.During.End.After(q.During.Start), "during.end", "must be after start")
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// ExportEventsInput is the input of [Service.ExportEvents]; see [ListEventsInput].
type ExportEventsInput ListEventsInput

// Validate implements the rules of [ListEventsInput].
func (in ExportEventsInput) Validate() error { return ListEventsInput(in).Validate() }

var opListEvents = usecase.Query[ListEventsInput, hmstype.List[Event]]{
	Name: "audit.list_events", Permission: hmstype.PermAuditRead, Shows: trailEvents.Found(),
	Sample: ListEventsInput{Entity: "patient", Actions: []Action{ActionRead}, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListEvents lists the events that the query selects, newest first. Reading the trail of a
// patient is itself a read of that patient's data, and is recorded ([Service.ListEventsOfPatient]); so is
// every patient whom another query shows. Of the restricted patients among them the changes are
// withheld from who may not see them, and the trail of one such patient is refused.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListEvents(ctx context.Context, query ListEventsInput) (hmstype.List[Event], error) {
	if !query.Patient.IsZero() {
		return opListEventsOfPatient.Run(ctx, &s.base, query, trail)
	}
	return opListEvents.Run(ctx, &s.base, query, trail)
}

var opListEventsOfPatient = usecase.Query[ListEventsInput, hmstype.List[Event]]{
	Name: "audit.list_events_of_patient", Permission: hmstype.PermAuditRead, Shows: trailEvents.Page(),
	Sample: ListEventsInput{Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListEventsOfPatient lists who saw or changed a patient's data, newest first.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListEventsOfPatient(
	ctx context.Context, patient hmstype.PatientID, page hmstype.Page,
) (hmstype.List[Event], error) {
	return opListEventsOfPatient.Run(ctx, &s.base, ListEventsInput{Patient: patient, Page: page}, trail)
}

// ListEventsOfUser lists what a user did, newest first.
func (s *Service) ListEventsOfUser(
	ctx context.Context, user hmstype.UserID, page hmstype.Page,
) (hmstype.List[Event], error) {
	return s.ListEvents(ctx, ListEventsInput{User: user, Page: page})
}

// ListEventsOfObject lists what was done to one row of a table, newest first: its history, field by
// field by [Event.Fields].
func (s *Service) ListEventsOfObject(
	ctx context.Context, entity, id string, page hmstype.Page,
) (hmstype.List[Event], error) {
	return s.ListEvents(ctx, ListEventsInput{Entity: entity, EntityID: id, Page: page})
}

func trail(ctx context.Context, db dbx.DB, query ListEventsInput) (hmstype.List[Event], error) {
	return events(ctx, db, query)
}

// events reads a page of the trail.
func events(ctx context.Context, db dbx.DB, query ListEventsInput, more ...dbx.Apply) (hmstype.List[Event], error) {
	db.About(query.Patient)
	order := dbx.Order{At: "recorded_at", Desc: true}
	return dbx.List(ctx, db, query.Page, order, eventRow.event, append(more, query.apply)...)
}

func (q ListEventsInput) apply(sel *bun.SelectQuery) *bun.SelectQuery {
	if !q.Patient.IsZero() {
		sel = sel.Where("e.patient_id = ?", q.Patient)
	}
	if q.Actor != "" {
		sel = sel.Where("e.actor = ?", q.Actor)
	}
	if !q.User.IsZero() {
		sel = sel.Where("e.actor = ANY(?)", dbx.Array(actorsOf(q.User)))
	}
	if !q.Session.IsZero() {
		sel = sel.Where("e.credential = ?", sessionPrefix+q.Session.String())
	}
	if !q.APIKey.IsZero() {
		sel = sel.Where("e.credential = ?", keyPrefix+q.APIKey.String())
	}
	if q.Entity != "" {
		sel = sel.Where("e.entity = ?", q.Entity)
	}
	if q.EntityID != "" {
		sel = sel.Where("e.entity_id = ?", q.EntityID)
	}
	if len(q.Actions) > 0 {
		sel = sel.Where("e.action = ANY(?)", dbx.Array(q.Actions))
	}
	if !q.During.Start.IsZero() {
		sel = sel.Where("e.recorded_at >= ?", q.During.Start.UTC().Truncate(time.Microsecond))
	}
	if !q.During.End.IsZero() {
		sel = sel.Where("e.recorded_at < ?", q.During.End.UTC().Truncate(time.Microsecond))
	}
	return sel
}

// actorsOf gives the names under which a user acts.
func actorsOf(user hmstype.UserID) []string {
	return []string{string(hmstype.ActorHuman) + ":" + user.String(), string(hmstype.ActorService) + ":" + user.String()}
}
