package sealed

import (
	"context"
	"time"

	"github.com/google/uuid"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// VerifyProof checks a bundle without the database and without this module's word: the work
// is done by package audit/proof, which an auditor can build alone. publicKeys are those of
// the log's signers, as in Config.Verifiers. It gives the signed head that the events are
// proved against.
func VerifyProof(bundle proof.Bundle, publicKeys ...string) (proof.Checkpoint, error) {
	verifiers := make([]note.Verifier, len(publicKeys))
	for i, key := range publicKeys {
		verifier, err := note.NewVerifier(key)
		if err != nil {
			return proof.Checkpoint{}, err
		}
		verifiers[i] = verifier
	}
	return proof.Verify(bundle, note.VerifierList(verifiers...))
}

// eventProofs is what the proof of one event shows of whom. A proof is whole or it is none, so that
// of a restricted patient's is refused.
var eventProofs = usecase.Entity[proof.Bundle]{
	Table: "audit_event",
	Patient: func(b *proof.Bundle) hmstype.PatientID {
		if len(b.Items) == 0 {
			return hmstype.PatientID{}
		}
		patient, _ := hmstype.ParseID[hmstype.PatientID](b.Items[0].Event.Patient) // zero where nobody's
		return patient
	},
	ID: func(b *proof.Bundle) string {
		if len(b.Items) == 0 {
			return ""
		}
		return b.Items[0].Event.ID
	},
}

var opProveEvent = usecase.Query[usecase.ByID[hmstype.AuditEventID], proof.Bundle]{
	Name: "audit.prove_event", Permission: hmstype.PermAuditRead, Shows: eventProofs.One().As(string(audit.ActionExport)),
}.Declare()

// ProveEvent gives the proof that one event is in the log, against the newest checkpoint.
// [ErrNotSealed] for an event that is too new. Handing out a proof is an export, and recorded.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ProveEvent(ctx context.Context, id hmstype.AuditEventID) (proof.Bundle, error) {
	return opProveEvent.Run(ctx, &s.base, usecase.ID(id), proveEvent)
}

func proveEvent(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.AuditEventID]) (proof.Bundle, error) {
	bundle, err := prove(ctx, db, selectEvent(in.ID), 0, 1)
	if err == nil && len(bundle.Items) == 0 {
		err = notSealed(ctx, db, in.ID)
	}
	return bundle, err
}

// notSealed tells an event that waits from one that is not.
func notSealed(ctx context.Context, db dbx.DB, id hmstype.AuditEventID) error {
	var exists bool
	sel := selectEvent(id)
	err := db.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM hms.audit_event AS e
		WHERE e.tenant_id = $1 AND e.id = $2 AND e.recorded_at >= $3 AND e.recorded_at < $4)`,
		db.Tenant(), id, sel.from, sel.to).Scan(&exists)
	switch {
	case err != nil:
		return err
	case !exists:
		return hmstype.NotFound("audit_event", id)
	default:
		return ErrNotSealed
	}
}

// ProvePatientInput selects the events of one patient.
type ProvePatientInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	After   int64             `json:"after"`   // only leaves from this index on: Next of the bundle before
	Limit   int               `json:"limit"`   // 1 to 5000; zero means 1000
}

// Validate implements the rules above.
func (in ProvePatientInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Check(in.After >= 0, "after", "must not be negative")
	v.Check(in.Limit >= 0 && in.Limit <= 5000, "limit", "must lie between 0 and 5000")
	return v.Err()
}

// PatientProof is a bundle of one patient's events.
type PatientProof struct {
	Patient hmstype.PatientID `json:"patient"`
	Bundle  proof.Bundle      `json:"bundle"`
	Next    int64             `json:"next,omitempty"` // where the next bundle begins; zero where this is the last
}

// patientProofs is what a bundle shows of whom; like [eventProofs] it is refused as a whole.
var patientProofs = usecase.Entity[PatientProof]{
	Table:   "audit_event",
	Patient: func(p *PatientProof) hmstype.PatientID { return p.Patient },
	ID:      func(p *PatientProof) string { return p.Patient.String() },
}

var opProvePatient = usecase.Query[ProvePatientInput, PatientProof]{
	Name: "audit.prove_patient", Permission: hmstype.PermAuditRead,
	Shows:  patientProofs.One().As(string(audit.ActionExport)),
	Sample: ProvePatientInput{Limit: 10},
}.Declare()

// ProvePatient gives the sealed events about one patient, who saw and who changed what, with
// the proof that they are in the log. It is an export of the patient's data, and recorded. Suspended
// disclosures are among the events: see [Service.ProveDisclosures] for what a patient may be given.
// Permission: [hmstype.PermAuditRead].
func (s *Service) ProvePatient(ctx context.Context, in ProvePatientInput) (PatientProof, error) {
	return opProvePatient.Run(ctx, &s.base, in, proveWholePatient)
}

func proveWholePatient(ctx context.Context, db dbx.DB, in ProvePatientInput) (PatientProof, error) {
	return provePatient(ctx, db, in, selectPatient(in.Patient))
}

// provePatient bundles some of a patient's events.
func provePatient(ctx context.Context, db dbx.DB, in ProvePatientInput, sel selection) (PatientProof, error) {
	limit := in.Limit
	if limit == 0 {
		limit = 1000
	}
	bundle, err := prove(ctx, db, sel, in.After, limit+1)
	if err != nil {
		return PatientProof{}, err
	}
	out := PatientProof{Patient: in.Patient, Bundle: bundle}
	if len(bundle.Items) > limit {
		out.Next, out.Bundle.Items = bundle.Items[limit].Index, bundle.Items[:limit]
	}
	return out, nil
}

// selection says which events are to be proved.
type selection struct {
	condition string // on $2, the id
	id        uuid.UUID
	from, to  time.Time // when they were recorded
	except    []string  // ids of entities whose events are left out
}

// selectEvent narrows the search by the time that an event's id holds (RFC 9562, version 7):
// the trail is ordered and partitioned by time.
func selectEvent(id hmstype.AuditEventID) selection {
	at := time.Unix(id.UUID().Time().UnixTime())
	return selection{condition: "e.id = $2", id: id.UUID(), from: at.Add(-time.Minute), to: at.Add(time.Minute)}
}

func selectPatient(id hmstype.PatientID) selection {
	return selection{
		condition: "e.patient_id = $2", id: id.UUID(), from: time.Unix(0, 0), to: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
}

// prove bundles events, from a leaf on.
func prove(ctx context.Context, db dbx.DB, sel selection, after int64, limit int) (proof.Bundle, error) {
	head, ok, err := lastCheckpoint(ctx, db)
	if err != nil {
		return proof.Bundle{}, err
	}
	if !ok {
		return proof.Bundle{Items: []proof.Item{}}, nil
	}
	bundle := proof.Bundle{Checkpoint: head.note}
	if bundle.Items, err = provable(ctx, db, sel, after, head.size, limit); err != nil {
		return proof.Bundle{}, err
	}
	hashes := newTree(ctx, db, head.size)
	for i, item := range bundle.Items {
		if bundle.Items[i].Proof, err = tlog.ProveRecord(head.size, item.Index, hashes); err != nil {
			return proof.Bundle{}, err
		}
	}
	return bundle, nil
}

func provable(ctx context.Context, db dbx.DB, sel selection, after, size int64, limit int) ([]proof.Item, error) {
	rows, err := db.Query(ctx, `SELECT l.leaf_index, `+eventColumns+` FROM hms.audit_event AS e
		JOIN hms.audit_leaf AS l
			ON l.tenant_id = e.tenant_id AND l.tenant_id = $1 AND l.recorded_at = e.recorded_at AND l.event_id = e.id
		WHERE e.tenant_id = $1 AND `+sel.condition+` AND l.leaf_index >= $3 AND l.leaf_index < $4
		  AND e.recorded_at >= $6 AND e.recorded_at < $7 AND e.entity_id <> ALL ($8::text[]) ORDER BY l.leaf_index LIMIT $5`,
		db.Tenant(), sel.id.String(), after, size, limit, sel.from, sel.to, append([]string{}, sel.except...))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	items := []proof.Item{}
	for rows.Next() {
		var item proof.Item
		var f eventFields
		if err := rows.Scan(append([]any{&item.Index}, f.destinations()...)...); err != nil {
			return nil, err
		}
		item.Event = f.event(db.Tenant().String())
		items = append(items, item)
	}
	return items, rows.Err()
}
