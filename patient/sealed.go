package patient

import (
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// patientTexts are what of a patient is sealed wherever the host gave a key. Names, birth date and
// gender stay in clear: people are searched by them, and told apart.
var patientTexts = fieldcrypt.Table[Details]{
	Name: "patient", Subject: "id",
	Texts: func(d *Details) []fieldcrypt.Text {
		return []fieldcrypt.Text{
			{Column: "phone_number", Text: &d.PhoneNumber},
			{Column: "second_phone_number", Text: &d.SecondPhoneNumber},
			{Column: "email", Text: &d.Email},
			{Column: "address", Text: &d.Address},
			{Column: "emergency_contact_name", Text: &d.EmergencyContactName},
			{Column: "emergency_contact_phone", Text: &d.EmergencyContactPhone},
		}
	},
}.Declare()

// identifierTexts are what of an identifier is sealed.
var identifierTexts = fieldcrypt.Table[Identifier]{
	Name: "patient_identifier", Subject: "patient_id",
	Texts: func(i *Identifier) []fieldcrypt.Text {
		return []fieldcrypt.Text{{Column: "value", Text: &i.Value, Index: "value_key", Normalize: names.CodeKey}}
	},
}.Declare()

// patients is what every use case that shows patients shows of whom.
var patients = usecase.Entity[Patient]{
	Table:   "patient",
	Patient: func(p *Patient) hmstype.PatientID { return p.ID },
	ID:      func(p *Patient) string { return p.ID.String() },
	Texts: func(p *Patient) []fieldcrypt.Record {
		if p.Withheld {
			return nil
		}
		person := patientTexts.Of(p.ID.UUID(), p.ID, &p.Details)
		person.Gone = &p.Erased
		records := []fieldcrypt.Record{person}
		for i := range p.Identifiers {
			records = append(records, identifierTexts.Of(p.ID.UUID(), p.Identifiers[i].ID, &p.Identifiers[i]))
		}
		return records
	},
	// Whoever registered somebody needs the number for the wristband; that the record is restricted
	// is why it is withheld. When somebody died is about him, unlike other instants.
	Keep: func(withheld, whole *Patient) {
		withheld.MRN, withheld.Restricted, withheld.DeceasedAt = whole.MRN, whole.Restricted, time.Time{}
	},
}
