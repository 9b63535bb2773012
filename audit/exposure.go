package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListExposuresInput asks whom somebody saw who should not have, when a breach must be told of (45 CFR
// 164.404, GDPR articles 33 and 34). Exactly one of the first four is required.
type ListExposuresInput struct {
	User    hmstype.UserID    `json:"user"`
	Session hmstype.SessionID `json:"session"`
	APIKey  hmstype.APIKeyID  `json:"apiKey"`
	Actor   string            `json:"actor"`  // as the text of Event.Actor: for who is no user
	During  hmstype.Period    `json:"during"` // half-open; Start is required, a zero End means until now
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (q ListExposuresInput) Validate() error {
	var v hmstype.Validator
	named := 0
	for _, set := range []bool{!q.User.IsZero(), !q.Session.IsZero(), !q.APIKey.IsZero(), q.Actor != ""} {
		if set {
			named++
		}
	}
	v.Check(named == 1, "user", "exactly one of user, session, apiKey and actor is required")
	v.Text(q.Actor, "actor", 0, 200)
	v.Nested("during", q.During.Validate())
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// ListExposuresToInput asks the other way round: who saw a patient.
type ListExposuresToInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	During  hmstype.Period    `json:"during"`  // half-open; Start is required, a zero End means until now
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (q ListExposuresToInput) Validate() error {
	var v hmstype.Validator
	v.Required(!q.Patient.IsZero(), "patient")
	v.Nested("during", q.During.Validate())
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// Exposure adds up what one actor saw or changed of one patient. sealed.Service.ProvePatient
// proves the events behind it.
type Exposure struct {
	Patient hmstype.PatientID `json:"patient"`
	// of [Service.ListExposures] only where it asked for a session or key
	Actor   hmstype.ActorRef  `json:"actor"`
	Session hmstype.SessionID `json:"session"`        // of [Service.ListExposuresTo]: zero where the host did not say
	APIKey  hmstype.APIKeyID  `json:"apiKey"`         // of [Service.ListExposuresTo]: zero where there was none
	Events  int64             `json:"events"`         // refusals do not count: they exposed nothing
	First   time.Time         `json:"first,omitzero"` // UTC
	Last    time.Time         `json:"last,omitzero"`  // UTC
	// which kinds, each once, sorted; a patient may have been but a hit of a search
	Actions []Action `json:"actions"`
	// Entities are what was seen or changed, each once, sorted; none where they are withheld.
	Entities []string `json:"entities"`
	// Withheld says that the patient's record is restricted and the actor may not see it: that he
	// was exposed is told, for he must be told of it, and not what there is about him.
	Withheld bool `json:"withheld,omitempty"`
}

// exposures is what the questions after a breach show of whom.
var exposures = usecase.Entity[Exposure]{
	Table:   "audit_event",
	Patient: func(e *Exposure) hmstype.PatientID { return e.Patient },
	ID:      func(*Exposure) string { return "" }, // no one event's
	Keep:    func(e, whole *Exposure) { e.Events, e.Actions = whole.Events, whole.Actions },
}

var opListExposures = usecase.Query[ListExposuresInput, hmstype.List[Exposure]]{
	Name: "audit.list_exposures", Permission: hmstype.PermAuditRead, Shows: exposures.Found(),
	Sample: ListExposuresInput{During: usecase.SamplePeriod, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListExposures lists the patients whom a user, a session, an API key or another actor saw or
// changed anything of, in the order of first sight.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListExposures(ctx context.Context, query ListExposuresInput) (hmstype.List[Exposure], error) {
	return opListExposures.Run(ctx, &s.base, query, exposed)
}

func exposed(ctx context.Context, db dbx.DB, q ListExposuresInput) (hmstype.List[Exposure], error) {
	by := []string{"patient_id"}
	if !q.Session.IsZero() || !q.APIKey.IsZero() {
		by = append(by, "actor")
	}
	selected := ListEventsInput{Actor: q.Actor, User: q.User, Session: q.Session, APIKey: q.APIKey, During: q.During}
	rows, next, err := groups(ctx, db, q.Page, by, kinds, selected.apply, exposing)
	return list(rows, next, groupRow.exposure), err
}

var opListExposuresTo = usecase.Query[ListExposuresToInput, hmstype.List[Exposure]]{
	Name: "audit.list_exposures_to", Permission: hmstype.PermAuditRead, Shows: exposures.Page(),
	Sample: ListExposuresToInput{During: usecase.SamplePeriod, Page: hmstype.Page{Limit: 10}},
}.Declare()

// ListExposuresTo is the other way round: who saw or changed anything of a patient, by actor and by
// what he proved himself with. The data of a restricted patient are refused to who may not
// see them.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ListExposuresTo(ctx context.Context, query ListExposuresToInput) (hmstype.List[Exposure], error) {
	return opListExposuresTo.Run(ctx, &s.base, query, exposedTo)
}

func exposedTo(ctx context.Context, db dbx.DB, q ListExposuresToInput) (hmstype.List[Exposure], error) {
	db.About(q.Patient)
	selected := ListEventsInput{Patient: q.Patient, During: q.During}
	by := []string{"patient_id", "actor", "credential"}
	rows, next, err := groups(ctx, db, q.Page, by, kinds, selected.apply, exposing)
	return list(rows, next, groupRow.exposure), err
}

// exposing selects the events by which somebody saw or changed something of a patient.
func exposing(sel *bun.SelectQuery) *bun.SelectQuery {
	return sel.Where("e.patient_id IS NOT NULL").Where("e.action <> ?", ActionDenied)
}

func (r groupRow) exposure() Exposure {
	session, key := credential(r.Credential)
	return Exposure{
		Patient: r.PatientID, Actor: actorOf(r.Actor), Session: session, APIKey: key, Events: r.Events,
		First: r.FirstAt.UTC(), Last: r.LastAt.UTC(), Actions: r.actions(), Entities: r.Entities,
	}
}
