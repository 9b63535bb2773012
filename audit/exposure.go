package audit

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ExposureQuery asks who was exposed to whom, when a breach must be told of (45 CFR 164.404,
// GDPR articles 33 and 34).
type ExposureQuery struct {
	Patient hmstype.PatientID // of [Service.ExposedTo]
	User    hmstype.UserID    // of [Service.Exposed]: one of the four
	Session hmstype.SessionID
	APIKey  hmstype.APIKeyID
	Actor   string         // as in Event.Actor: for who is no user
	During  hmstype.Period // half-open; Start is required, a zero End means until now
	Page    hmstype.Page
}

// Validate checks the period and the page; each question checks who is asked for.
func (q ExposureQuery) Validate() error {
	var v hmstype.Validator
	v.Text(q.Actor, "actor", 0, 200)
	v.Nested("during", q.During.Validate())
	v.Nested("", q.Page.Validate())
	return v.Err()
}

// exposedQuery names whoever may have seen what he should not.
type exposedQuery struct{ ExposureQuery }

// Validate requires exactly one of them.
func (q exposedQuery) Validate() error {
	var v hmstype.Validator
	named := 0
	for _, set := range []bool{!q.User.IsZero(), !q.Session.IsZero(), !q.APIKey.IsZero(), q.Actor != ""} {
		if set {
			named++
		}
	}
	v.Check(named == 1, "user", "exactly one of user, session, apiKey and actor is required")
	v.Check(q.Patient.IsZero(), "patient", "must not be given: it is what is asked for")
	v.Nested("", q.ExposureQuery.Validate())
	return v.Err()
}

// exposedToQuery names the patient.
type exposedToQuery struct{ ExposureQuery }

// Validate requires the patient alone.
func (q exposedToQuery) Validate() error {
	var v hmstype.Validator
	v.Required(!q.Patient.IsZero(), "patient")
	v.Check(q.User.IsZero() && q.Session.IsZero() && q.APIKey.IsZero() && q.Actor == "", "user", "must not be given: it is what is asked for")
	v.Nested("", q.ExposureQuery.Validate())
	return v.Err()
}

// Exposure adds up what one actor saw or changed of one patient. [Service.ProvePatient] proves
// the events behind it.
type Exposure struct {
	Patient  hmstype.PatientID
	Actor    string            // as in Event.Actor; of [Service.Exposed] only where it asked for a session or key
	Session  hmstype.SessionID // of [Service.ExposedTo]: zero where the host did not say
	APIKey   hmstype.APIKeyID  // of [Service.ExposedTo]: zero where there was none
	Events   int64             // refusals do not count: they exposed nothing
	First    time.Time         // UTC
	Last     time.Time         // UTC
	Actions  []Action          // which kinds, each once, sorted; a patient may have been but a hit of a search
	Entities []string          // what was seen or changed, each once, sorted
}

// Exposed lists the patients whom a user, a session, an API key or another actor saw or
// changed anything of, in the order of first sight.
func (s *Service) Exposed(ctx context.Context, query ExposureQuery) (hmstype.List[Exposure], error) {
	op := usecase.Op{Name: "audit.exposed", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, exposedQuery{query}, func(ctx context.Context, db dbx.DB, q exposedQuery) (hmstype.List[Exposure], error) {
		by := []string{"patient_id"}
		if !q.Session.IsZero() || !q.APIKey.IsZero() {
			by = append(by, "actor")
		}
		rows, next, err := groups(ctx, db, q.Page, by, kinds, q.apply)
		if err != nil {
			return hmstype.List[Exposure]{}, err
		}
		return list(rows, next, groupRow.exposure), db.RecordSearch(ctx, "audit_event", patientsOf(rows)...)
	})
}

// ExposedTo is the other way round: who saw or changed anything of a patient, by actor and by
// what he proved himself with. The data of a restricted patient are refused to who may not
// see them.
func (s *Service) ExposedTo(ctx context.Context, query ExposureQuery) (hmstype.List[Exposure], error) {
	op := usecase.Op{Name: "audit.exposed_to", Permission: hmstype.PermAuditRead}
	return usecase.Read(ctx, &s.base, op, exposedToQuery{query}, func(ctx context.Context, db dbx.DB, q exposedToQuery) (hmstype.List[Exposure], error) {
		err := db.RecordAccess(ctx, dbx.Access{Action: string(ActionRead), Entity: "audit_event", Patient: q.Patient})
		if err != nil {
			return hmstype.List[Exposure]{}, err
		}
		rows, next, err := groups(ctx, db, q.Page, []string{"patient_id", "actor", "credential"}, kinds, q.apply)
		return list(rows, next, groupRow.exposure), err
	})
}

func (q ExposureQuery) apply(sel *bun.SelectQuery) *bun.SelectQuery {
	sel = Query{Patient: q.Patient, Actor: q.Actor, User: q.User, Session: q.Session, APIKey: q.APIKey, During: q.During}.apply(sel)
	return sel.Where("e.patient_id IS NOT NULL").Where("e.action <> ?", ActionDenied)
}

func (r groupRow) exposure() Exposure {
	session, key := credential(r.Credential)
	return Exposure{
		Patient: r.PatientID, Actor: r.Actor, Session: session, APIKey: key, Events: r.Events,
		First: r.FirstAt.UTC(), Last: r.LastAt.UTC(), Actions: r.actions(), Entities: r.Entities,
	}
}
