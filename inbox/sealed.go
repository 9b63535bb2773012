package inbox

import (
	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// What people write here may name a patient, so all of it is sealed where the host gave a
// key: under the key of the patient whom it is about, or the tenant's own.

// one is the only text of a row under its column's name.
func one(column string) func(*string) []fieldcrypt.Text {
	return func(text *string) []fieldcrypt.Text { return []fieldcrypt.Text{{Column: column, Text: text}} }
}

var (
	notificationTexts = fieldcrypt.Table[NotificationDetails]{
		Name: "notification", Subject: "sealed_for", Fixed: true,
		Texts: func(d *NotificationDetails) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "title", Text: &d.Title}, {Column: "body", Text: &d.Body}}
		},
	}.Declare()
	taskTexts = fieldcrypt.Table[TaskDetails]{
		Name: "task", Subject: "sealed_for",
		Texts: func(d *TaskDetails) []fieldcrypt.Text {
			return []fieldcrypt.Text{{Column: "title", Text: &d.Title}, {Column: "description", Text: &d.Description}}
		},
	}.Declare()
	taskOutcomes = fieldcrypt.Table[string]{Name: "task", Subject: "sealed_for", Texts: one("outcome")}.Declare()
	taskReasons  = fieldcrypt.Table[string]{
		Name: "task_history", Subject: "sealed_for", Fixed: true, Texts: one("reason"),
	}.Declare()
	threadSubjects = fieldcrypt.Table[string]{
		Name: "message_thread", Subject: "sealed_for", Texts: one("subject"),
	}.Declare()
	messageBodies = fieldcrypt.Table[string]{
		Name: "message", Subject: "sealed_for", Fixed: true, Texts: one("body"),
	}.Declare()
)

// sealedFor gives whose key seals what is about a patient, or about nobody.
func sealedFor(db dbx.DB, patient hmstype.PatientID) uuid.UUID {
	if patient.IsZero() {
		return db.Tenant().UUID()
	}
	return patient.UUID()
}

// erasable is a record that tells whether its text went with the key that sealed it.
func erasable(r fieldcrypt.Record, erased *bool) fieldcrypt.Record {
	r.Erased = erased
	return r
}
