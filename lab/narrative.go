package lab

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// What people write about a patient for each other is sealed where Config.EncryptNarrative says
// so. Results and their comments stay in clear: versions are compared and superseded, and trends
// are made of them.
const (
	fieldClinicalNotes  fieldcrypt.Field = "lab_order.clinical_notes"
	fieldAlertComment   fieldcrypt.Field = "lab_critical_alert.comment"
	fieldClosingComment fieldcrypt.Field = "lab_critical_alert.closing_comment"
)

// A new epoch's key leaves these alone, since the host decides whether new text is sealed at all.
var _ = fieldcrypt.Declare(
	fieldcrypt.Column{Table: "lab_order", Name: "clinical_notes", Field: fieldClinicalNotes, Subject: "patient_id", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "lab_critical_alert", Name: "comment", Field: fieldAlertComment, Subject: "patient_id", Row: "id", Fixed: true},
	fieldcrypt.Column{Table: "lab_critical_alert", Name: "closing_comment", Field: fieldClosingComment, Subject: "patient_id", Row: "id", Fixed: true},
)

func orderText(o *Order) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return o.PatientID.UUID(), o.ID, []fieldcrypt.Part{{Field: fieldClinicalNotes, Text: &o.ClinicalNotes}}
}

func alertText(a *CriticalAlert) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) {
	return a.PatientID.UUID(), a.ID, []fieldcrypt.Part{
		{Field: fieldAlertComment, Text: &a.Comment}, {Field: fieldClosingComment, Text: &a.ClosingComment},
	}
}

func reportText(r *Report) (uuid.UUID, fmt.Stringer, []fieldcrypt.Part) { return orderText(&r.Order) }

// seal seals a text of a row that is about to be written, where the configuration says so.
func (s *Service) seal(ctx context.Context, db dbx.DB, whose hmstype.PatientID, row fmt.Stringer, field fieldcrypt.Field, text *string) error {
	if !s.base.Crypt.SealsNarrative() {
		return nil
	}
	return s.base.Crypt.SealParts(ctx, db, whose.UUID(), row, fieldcrypt.Part{Field: field, Text: text})
}
