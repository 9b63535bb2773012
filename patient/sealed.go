package patient

import (
	"context"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/names"
)

// The fields that are encrypted where the host gave a key. Names, birth date and gender
// stay in clear: people are searched by them, and told apart.
const (
	fieldPhone          fieldcrypt.Field = "patient.phone_number"
	fieldEmail          fieldcrypt.Field = "patient.email"
	fieldAddress        fieldcrypt.Field = "patient.address"
	fieldEmergencyName  fieldcrypt.Field = "patient.emergency_contact_name"
	fieldEmergencyPhone fieldcrypt.Field = "patient.emergency_contact_phone"
	fieldIdentifier     fieldcrypt.Field = "patient.identifier"
	fieldPolicy         fieldcrypt.Field = "coverage.policy_number"
)

var _ = fieldcrypt.Declare(
	fieldcrypt.Column{Table: "patient", Name: "phone_number", Field: fieldPhone, Subject: "id", Row: "id",
		Index: "phone_normalized", IndexField: fieldPhone, Normalize: normalizePhone},
	fieldcrypt.Column{Table: "patient", Name: "email", Field: fieldEmail, Subject: "id", Row: "id"},
	fieldcrypt.Column{Table: "patient", Name: "address", Field: fieldAddress, Subject: "id", Row: "id"},
	fieldcrypt.Column{Table: "patient", Name: "emergency_contact_name", Field: fieldEmergencyName, Subject: "id", Row: "id"},
	fieldcrypt.Column{Table: "patient", Name: "emergency_contact_phone", Field: fieldEmergencyPhone, Subject: "id", Row: "id"},
	fieldcrypt.Column{Table: "patient_identifier", Name: "value", Field: fieldIdentifier, Subject: "patient_id", Row: "id",
		Index: "value_key", IndexField: fieldIdentifier, Normalize: names.CodeKey},
	fieldcrypt.Column{Table: "coverage", Name: "policy_number", Field: fieldPolicy, Subject: "patient_id", Row: "id"},
)

// sealedField is one field on both sides: as it is stored, and as people write it.
type sealedField struct {
	name   fieldcrypt.Field
	stored *string
	text   *string
}

func (r *patientRow) sealedFields(d *Details) []sealedField {
	return []sealedField{
		{fieldPhone, &r.PhoneNumber, &d.PhoneNumber},
		{fieldEmail, &r.Email, &d.Email},
		{fieldAddress, &r.Address, &d.Address},
		{fieldEmergencyName, &r.EmergencyContactName, &d.EmergencyContactName},
		{fieldEmergencyPhone, &r.EmergencyContactPhone, &d.EmergencyContactPhone},
	}
}

// setDetails takes over what was told at the desk.
func (r *patientRow) setDetails(keys fieldcrypt.Keys, d Details) (err error) {
	r.FirstName, r.LastName, r.Gender = d.FirstName, d.LastName, d.Gender
	r.BirthDate, r.BirthDatePrecision = d.BirthDate, d.BirthDatePrecision
	if r.BirthDatePrecision == "" {
		r.BirthDatePrecision = PrecisionDay
	}
	for _, f := range r.sealedFields(&d) {
		if *f.stored, err = keys.Seal(r.ID.UUID(), f.name, r.ID, *f.text); err != nil {
			return err
		}
	}
	r.PhoneNormalized, err = keys.Index(fieldPhone, normalizePhone(d.PhoneNumber))
	return err
}

// patient gives the record as people read it.
func (r patientRow) patient(keys fieldcrypt.Keys, identifiers []Identifier) (p Patient, err error) {
	p = Patient{
		ID: r.ID, MRN: r.MRN, Status: r.Status, StatusReason: r.StatusReason, Identifiers: identifiers,
		Details:  r.openDetails(),
		Deceased: r.IsDeceased, DeceasedAt: r.DeceasedAt.UTC(), Restricted: r.IsRestricted, OverrideReason: r.OverrideReason,
		MergedInto: r.MergedIntoID, Erased: keys.Erased(r.ID.UUID()), CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
	for _, f := range r.sealedFields(&p.Details) {
		if *f.text, err = keys.Open(r.ID.UUID(), f.name, r.ID, *f.stored); err != nil {
			return Patient{}, err
		}
	}
	return p, nil
}

// openDetails gives the details that are never encrypted.
func (r patientRow) openDetails() Details {
	return Details{
		FirstName: r.FirstName, LastName: r.LastName, Gender: r.Gender,
		BirthDate: r.BirthDate, BirthDatePrecision: r.BirthDatePrecision,
	}
}

// keys loads the keys of some patients.
func (s *Service) keys(ctx context.Context, db dbx.DB, patients ...hmstype.PatientID) (fieldcrypt.Keys, error) {
	return s.base.Crypt.Load(ctx, db, subjects(patients)...)
}

func subjects(patients []hmstype.PatientID) []uuid.UUID {
	ids := make([]uuid.UUID, len(patients))
	for i, p := range patients {
		ids[i] = p.UUID()
	}
	return ids
}
