package fhir

import (
	"encoding/json"
	"strings"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// SystemResourceID is the system of the identifier that keeps a resource's own id, so that
// a second import of the same file finds the patient again.
const SystemResourceID = "urn:hms:fhir:patient-id"

// patientResource is what is read of a FHIR R4 Patient.
type patientResource struct {
	ID         string `json:"id"`
	Identifier []struct {
		System string `json:"system"`
		Value  string `json:"value"`
	} `json:"identifier"`
	Name      []humanName `json:"name"`
	Gender    string      `json:"gender"`
	BirthDate string      `json:"birthDate"`
	Telecom   []telecom   `json:"telecom"`
	Address   []struct {
		Line       []string `json:"line"`
		City       string   `json:"city"`
		State      string   `json:"state"`
		PostalCode string   `json:"postalCode"`
		Country    string   `json:"country"`
	} `json:"address"`
	Contact []struct {
		Name    humanName `json:"name"`
		Telecom []telecom `json:"telecom"`
	} `json:"contact"`
}

type humanName struct {
	Use    string   `json:"use"`
	Text   string   `json:"text"`
	Family string   `json:"family"`
	Given  []string `json:"given"`
}

type telecom struct {
	System string `json:"system"`
	Value  string `json:"value"`
}

// mapPatient gives the input of a registration, or the reason why there is none.
func mapPatient(body json.RawMessage) (patient.RegisterInput, string) {
	var r patientResource
	if err := json.Unmarshal(body, &r); err != nil {
		return patient.RegisterInput{}, "is not a Patient of FHIR R4"
	}
	name := bestName(r.Name)
	in := patient.RegisterInput{Details: patient.Details{
		FirstName: strings.Join(name.Given, " "), LastName: name.Family, Gender: mapGender(r.Gender),
		PhoneNumber: firstOf(r.Telecom, "phone"), Email: firstOf(r.Telecom, "email"),
	}}
	if in.LastName == "" {
		in.LastName = name.Text
	}
	var ok bool
	if in.BirthDate, in.BirthDatePrecision, ok = parseBirthDate(r.BirthDate); !ok {
		return patient.RegisterInput{}, "birthDate is no FHIR date"
	}
	if len(r.Address) > 0 {
		a := r.Address[0]
		lines := append(append([]string{}, a.Line...), strings.Join(strings.Fields(a.City+" "+a.State+" "+a.PostalCode), " "), a.Country)
		in.Address = strings.Join(notEmpty(lines), "\n")
	}
	if len(r.Contact) > 0 {
		c := r.Contact[0]
		in.EmergencyContactName = strings.TrimSpace(strings.Join(append(c.Name.Given, c.Name.Family), " "))
		if in.EmergencyContactName == "" {
			in.EmergencyContactName = c.Name.Text
		}
		in.EmergencyContactPhone = firstOf(c.Telecom, "phone")
	}
	if r.ID != "" {
		in.Identifiers = append(in.Identifiers, patient.Identifier{System: SystemResourceID, Value: r.ID})
	}
	for _, id := range r.Identifier {
		if id.System != "" && id.Value != "" {
			in.Identifiers = append(in.Identifiers, patient.Identifier{System: id.System, Value: id.Value})
		}
	}
	if err := in.Validate(); err != nil {
		return patient.RegisterInput{}, err.Error()
	}
	return in, ""
}

// bestName takes the official name, else the usual one, else the first.
func bestName(names []humanName) humanName {
	for _, use := range []string{"official", "usual"} {
		for _, n := range names {
			if n.Use == use {
				return n
			}
		}
	}
	if len(names) > 0 {
		return names[0]
	}
	return humanName{}
}

func mapGender(code string) patient.Gender {
	switch strings.ToLower(code) {
	case "male", "m":
		return patient.GenderMale
	case "female", "f":
		return patient.GenderFemale
	case "other":
		return patient.GenderOther
	default:
		return patient.GenderUnknown
	}
}

// parseBirthDate reads a FHIR date: YYYY, YYYY-MM, YYYY-MM-DD or nothing.
func parseBirthDate(text string) (hmstype.Date, patient.Precision, bool) {
	precision := patient.PrecisionDay
	switch len(text) {
	case 0:
		return hmstype.Date{}, precision, true
	case len("2006"):
		text, precision = text+"-01-01", patient.PrecisionYear
	case len("2006-01"):
		text, precision = text+"-01", patient.PrecisionMonth
	}
	date, err := hmstype.ParseDate(text)
	return date, precision, err == nil
}

func firstOf(telecoms []telecom, system string) string {
	for _, t := range telecoms {
		if t.System == system {
			return t.Value
		}
	}
	return ""
}

func notEmpty(lines []string) []string {
	kept := lines[:0]
	for _, l := range lines {
		if strings.TrimSpace(l) != "" {
			kept = append(kept, l)
		}
	}
	return kept
}
