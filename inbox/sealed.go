package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// What people write here may name a patient, so all of it is sealed where the host gave a
// key: under the key of the patient whom it is about, or the tenant's own.
const (
	fieldNotificationTitle fieldcrypt.Field = "notification.title"
	fieldNotificationBody  fieldcrypt.Field = "notification.body"
	fieldTaskTitle         fieldcrypt.Field = "task.title"
	fieldTaskDescription   fieldcrypt.Field = "task.description"
	fieldTaskOutcome       fieldcrypt.Field = "task.outcome"
	fieldTaskReason        fieldcrypt.Field = "task_history.reason"
	fieldThreadSubject     fieldcrypt.Field = "message_thread.subject"
	fieldMessageBody       fieldcrypt.Field = "message.body"
)

var _ = fieldcrypt.Declare(
	fieldcrypt.Column{Table: "notification", Name: "title", Field: fieldNotificationTitle, Subject: "sealed_for", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "notification", Name: "body", Field: fieldNotificationBody, Subject: "sealed_for", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "task", Name: "title", Field: fieldTaskTitle, Subject: "sealed_for", Row: "id"},
	fieldcrypt.Column{Table: "task", Name: "description", Field: fieldTaskDescription, Subject: "sealed_for", Row: "id"},
	fieldcrypt.Column{Table: "task", Name: "outcome", Field: fieldTaskOutcome, Subject: "sealed_for", Row: "id"},
	fieldcrypt.Column{Table: "task_history", Name: "reason", Field: fieldTaskReason, Subject: "sealed_for", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "message_thread", Name: "subject", Field: fieldThreadSubject, Subject: "sealed_for", Row: "id"},
	fieldcrypt.Column{Table: "message", Name: "body", Field: fieldMessageBody, Subject: "sealed_for", Row: "id", Fixed: true},
)

// sealedFor gives whose key seals what is about a patient, or about nobody.
func sealedFor(db dbx.DB, patient hmstype.PatientID) uuid.UUID {
	if patient.IsZero() {
		return db.Tenant().UUID()
	}
	return patient.UUID()
}

// seal replaces the texts of one row by what is stored of them.
func (s *Service) seal(ctx context.Context, db dbx.DB, subject uuid.UUID, row fmt.Stringer, texts ...fieldcrypt.Part) error {
	return s.base.Crypt.SealParts(ctx, db, subject, row, texts...)
}

// Withheld says why a list does not show the text of one of its entries. What it is about, from
// whom, and how urgent it is, is always shown: work must not wait.
type Withheld string

// The reasons to withhold a text.
const (
	// WithheldNot: it is shown.
	WithheldNot Withheld = ""
	// WithheldRestricted: the patient's record is restricted, and the actor lacks the permission
	// patient.restricted. To read the entry by itself honours a break-glass grant.
	WithheldRestricted Withheld = "restricted"
	// WithheldErased: the key that sealed it was destroyed, and with it the text.
	WithheldErased Withheld = "erased"
)

// shown is an entry on its way to a reader: its texts are still as they are stored.
type shown struct {
	patient  hmstype.PatientID
	subject  uuid.UUID
	row      fmt.Stringer
	texts    []fieldcrypt.Part
	withheld *Withheld
}

// show opens the texts of entries in place. Where the read of each entry was not recorded, and
// so not allowed by the database, it withholds those about restricted patients.
func (s *Service) show(ctx context.Context, db dbx.DB, allowed bool, entries ...shown) error {
	subjects, patients := make([]uuid.UUID, len(entries)), make([]hmstype.PatientID, 0, len(entries))
	for i, e := range entries {
		subjects[i] = e.subject
		if !e.patient.IsZero() {
			patients = append(patients, e.patient)
		}
	}
	restricted := map[hmstype.PatientID]bool{}
	if !allowed && !dbx.MaySeeRestricted(ctx) && len(patients) > 0 {
		var err error
		if restricted, err = restrictedOf(ctx, db, patients); err != nil {
			return err
		}
	}
	keys, err := s.base.Crypt.Load(ctx, db, subjects...)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if restricted[e.patient] {
			e.withhold(WithheldRestricted)
			continue
		}
		if err := e.open(keys); err != nil {
			return err
		}
	}
	return nil
}

func (e shown) open(keys fieldcrypt.Keys) error {
	if keys.Erased(e.subject) && slices.ContainsFunc(e.texts, func(t fieldcrypt.Part) bool { return fieldcrypt.Sealed(*t.Text) }) {
		e.withhold(WithheldErased)
		return nil
	}
	for _, t := range e.texts {
		opened, err := keys.Open(e.subject, t.Field, e.row, *t.Text)
		if err != nil {
			return err
		}
		*t.Text = opened
	}
	return nil
}

func (e shown) withhold(why Withheld) {
	*e.withheld = why
	for _, t := range e.texts {
		*t.Text = ""
	}
}

// restrictedOf gives those of the patients whose record is restricted.
func restrictedOf(ctx context.Context, db dbx.DB, patients []hmstype.PatientID) (map[hmstype.PatientID]bool, error) {
	restricted := map[hmstype.PatientID]bool{}
	return restricted, scanEach(ctx, db, func(rows *sql.Rows) error {
		var id hmstype.PatientID
		err := rows.Scan(&id)
		restricted[id] = true
		return err
	}, `SELECT id FROM hms.patient WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND is_restricted`, db.Tenant(), idTexts(patients))
}
