package fhir

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/usecase"
	"github.com/chelal/hms/patient"
)

// Systems of identifiers that an import adds.
const (
	// SystemResourceID is the system under which a resource's own id is kept, so that
	// reading a file twice finds the same patient.
	SystemResourceID = "urn:hms:fhir:Patient.id"
	// SystemUnstated is the system of an identifier that came without one.
	SystemUnstated = "urn:hms:fhir:unstated"
)

// The elements of FHIR R4 Patient that are mapped (hl7.org/fhir/R4/patient.html).
type (
	patientResource struct {
		ID               string         `json:"id"`
		Meta             meta           `json:"meta"`
		Active           *bool          `json:"active"`
		Identifier       []identifier   `json:"identifier"`
		Name             []humanName    `json:"name"`
		Telecom          []contactPoint `json:"telecom"`
		Gender           string         `json:"gender"`
		BirthDate        string         `json:"birthDate"`
		DeceasedBoolean  bool           `json:"deceasedBoolean"`
		DeceasedDateTime string         `json:"deceasedDateTime"`
		Address          []address      `json:"address"`
		Contact          []contact      `json:"contact"`
		Link             []link         `json:"link"`
		MultipleBirth    bool           `json:"multipleBirthBoolean"`
		BirthOrder       int            `json:"multipleBirthInteger"`
	}
	meta struct {
		Security []coding `json:"security"`
	}
	coding struct {
		System string `json:"system"`
		Code   string `json:"code"`
	}
	identifier struct {
		System string `json:"system"`
		Value  string `json:"value"`
	}
	humanName struct {
		Use    string    `json:"use"`
		Text   string    `json:"text"`
		Family string    `json:"family"`
		Given  []*string `json:"given"` // null where only an extension is given
	}
	contactPoint struct {
		System string `json:"system"`
		Value  string `json:"value"`
		Use    string `json:"use"`
		Rank   int    `json:"rank"`
	}
	address struct {
		Use        string    `json:"use"`
		Text       string    `json:"text"`
		Line       []*string `json:"line"`
		City       string    `json:"city"`
		District   string    `json:"district"`
		State      string    `json:"state"`
		PostalCode string    `json:"postalCode"`
		Country    string    `json:"country"`
	}
	contact struct {
		Relationship []struct {
			Coding []coding `json:"coding"`
		} `json:"relationship"`
		Name    humanName      `json:"name"`
		Telecom []contactPoint `json:"telecom"`
	}
	link struct {
		Type string `json:"type"`
	}
)

// mapPatient reads one resource. An error is a *refusal.
func mapPatient(raw []byte, fullURL string) (PatientRecord, error) {
	var p patientResource
	if err := json.Unmarshal(raw, &p); err != nil {
		return PatientRecord{}, wrongShape(err)
	}
	if err := strict(raw); err != nil {
		return PatientRecord{}, err
	}
	in := patient.RegisterInput{
		Identifiers: p.identifiers(fullURL),
		Restricted:  p.restricted(),
		Deceased:    p.DeceasedBoolean,
	}
	in.FirstName, in.LastName = preferredName(p.Name).split()
	in.OtherNames = otherNames(p.Name, in.FirstName, in.LastName)
	in.MultipleBirth = p.MultipleBirth || p.BirthOrder > 0
	in.Gender = gender(p.Gender)
	in.SecondPhoneNumber = secondPhone(p.Telecom)
	in.PhoneNumber, in.Email = telecom(p.Telecom, "phone", "sms"), telecom(p.Telecom, "email")
	in.Address = preferredAddress(p.Address).lines()
	in.EmergencyContactName, in.EmergencyContactPhone = emergencyContact(p.Contact)
	var err error
	if in.BirthDate, in.BirthDatePrecision, err = birthDate(p.BirthDate); err != nil {
		return PatientRecord{}, err
	}
	if err := setDeceased(&in, p.DeceasedDateTime); err != nil {
		return PatientRecord{}, err
	}
	if in.LastName == "" {
		return PatientRecord{}, refuse("has no name")
	}
	if err := usecase.Validate(in); err != nil {
		return PatientRecord{}, &refusal{err.Error(), err}
	}
	return PatientRecord{Input: in, ID: p.ID, Inactive: p.inactive()}, nil
}

// wrongShape tells which element has the wrong JSON type; the decoder's own text would
// quote a value.
func wrongShape(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) && wrong.Field != "" {
		return refuse("has the wrong JSON type in " + wrong.Field)
	}
	return refuse("is not a FHIR Patient")
}

// inactive tells whether the record is out of use (FHIR Patient.active, Patient.link).
func (p patientResource) inactive() bool {
	return p.Active != nil && !*p.Active || slices.ContainsFunc(p.Link, func(l link) bool {
		return l.Type == "replaced-by"
	})
}

// confidentiality is HL7 v3 Confidentiality: restricted and very restricted.
const confidentiality = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"

func (p patientResource) restricted() bool {
	return slices.ContainsFunc(p.Meta.Security, func(c coding) bool {
		return c.System == confidentiality && (c.Code == "R" || c.Code == "V")
	})
}

// identifiers gives every identifier once, and the resource's own id.
func (p patientResource) identifiers(fullURL string) []patient.Identifier {
	var list []patient.Identifier
	add := func(id patient.Identifier) {
		if strings.TrimSpace(id.Value) != "" && !slices.ContainsFunc(list, id.Same) {
			list = append(list, id)
		}
	}
	for _, id := range p.Identifier {
		add(patient.Identifier{System: cmp.Or(strings.TrimSpace(id.System), SystemUnstated), Value: id.Value})
	}
	id := p.ID
	if urn, ok := strings.CutPrefix(fullURL, "urn:uuid:"); id == "" && ok {
		id = urn
	}
	add(patient.Identifier{System: SystemResourceID, Value: id})
	return list
}

// nameUses orders FHIR name-use: what a person is called officially comes first; old and
// maiden names serve only where there is nothing else.
var nameUses = []string{"official", "usual", "", "nickname", "temp", "anonymous", "maiden", "old"}

func preferredName(names []humanName) humanName {
	var best humanName
	rank := len(nameUses) + 1
	for _, n := range names {
		at := slices.Index(nameUses, n.Use)
		if at < 0 {
			at = len(nameUses)
		}
		if first, last := n.split(); at < rank && (first != "" || last != "") {
			best, rank = n, at
		}
	}
	return best
}

// split gives given and family names. Somebody with one name only has it as the family
// name, which registration requires.
func (n humanName) split() (first, last string) {
	first, last = join(n.Given, " "), n.Family
	switch {
	case last != "":
		return first, last
	case first != "":
		return "", first
	default:
		return "", n.Text
	}
}

// maxOtherNames bounds what is kept of further names, in characters; a name that goes beyond is left out.
const maxOtherNames = 200

// otherNames gives the further names of a person, each once: how he was called before, how his name is read.
func otherNames(names []humanName, first, last string) string {
	kept := []string{strings.TrimSpace(first + " " + last)}
	for _, n := range names {
		given, family := n.split()
		full := strings.Join(strings.Fields(given+" "+family), " ")
		if full == "" || slices.Contains(kept, full) ||
			utf8.RuneCountInString(strings.Join(append(kept[1:len(kept):len(kept)], full), "; ")) > maxOtherNames {
			continue
		}
		kept = append(kept, full)
	}
	return strings.Join(kept[1:], "; ")
}

// full gives the name as one text.
func (n humanName) full() string {
	if n.Text != "" {
		return n.Text
	}
	first, last := n.split()
	return strings.TrimSpace(first + " " + last)
}

// join leaves out what is null or empty.
func join(parts []*string, by string) string {
	var present []string
	for _, p := range parts {
		if p != nil && *p != "" {
			present = append(present, *p)
		}
	}
	return strings.Join(present, by)
}

// gender gives administrative-gender; the letters of HL7 v2 table 0001 are understood,
// anything else is unknown.
func gender(code string) patient.Gender {
	switch strings.ToLower(strings.TrimSpace(code)) {
	case "male", "m":
		return patient.GenderMale
	case "female", "f":
		return patient.GenderFemale
	case "other", "o":
		return patient.GenderOther
	default:
		return patient.GenderUnknown
	}
}

// birthDate reads a FHIR date: YYYY, YYYY-MM or YYYY-MM-DD.
func birthDate(text string) (hmstype.Date, patient.Precision, error) {
	if text == "" {
		return hmstype.Date{}, "", nil
	}
	for _, form := range []struct {
		rest      string
		precision patient.Precision
	}{{"", patient.PrecisionDay}, {"-01", patient.PrecisionMonth}, {"-01-01", patient.PrecisionYear}} {
		if date, err := hmstype.ParseDate(text + form.rest); err == nil {
			return date, form.precision, nil
		}
	}
	return hmstype.Date{}, "", refuse("birthDate is not a FHIR date")
}

// setDeceased reads a FHIR dateTime. Of a day without a time noon UTC is taken, which lies
// on the same day from twelve hours west to eleven hours east of Greenwich; a month or a year
// says only that the person has died.
func setDeceased(in *patient.RegisterInput, text string) error {
	if text == "" {
		return nil
	}
	in.Deceased = true
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		in.DeceasedAt = hmstype.Instant(at)
		return nil
	}
	date, precision, err := birthDate(text)
	if err != nil {
		return refuse("deceasedDateTime is not a FHIR dateTime")
	}
	if precision == patient.PrecisionDay {
		in.DeceasedAt = date.In(time.UTC).Add(12 * time.Hour)
	}
	return nil
}

// telecom gives the contact point of one of the systems that the person prefers: the
// lowest rank, then the first; an old one serves nobody.
func telecom(points []contactPoint, systems ...string) string {
	if usable := contactPoints(points, systems...); len(usable) > 0 {
		return usable[0].Value
	}
	return ""
}

// secondPhone gives the telephone number that comes after the preferred one and is another.
func secondPhone(points []contactPoint) string {
	for i, p := range contactPoints(points, "phone", "sms") {
		if i > 0 && p.Value != telecom(points, "phone", "sms") {
			return p.Value
		}
	}
	return ""
}

// contactPoints gives the contact points of some systems, the preferred one first.
func contactPoints(points []contactPoint, systems ...string) []contactPoint {
	usable := slices.DeleteFunc(slices.Clone(points), func(p contactPoint) bool {
		return p.Value == "" || p.Use == "old" || !slices.Contains(systems, p.System)
	})
	slices.SortStableFunc(usable, func(a, b contactPoint) int { return cmp.Compare(rankOf(a), rankOf(b)) })
	return usable
}

// rankOf sorts unranked contact points last (FHIR ContactPoint.rank: 1 is the highest).
func rankOf(p contactPoint) int {
	if p.Rank <= 0 {
		return 1 << 30
	}
	return p.Rank
}

// preferredAddress is where the person lives, or else the first that is not old.
func preferredAddress(list []address) address {
	var best address
	for _, use := range []string{"home", "", "temp", "work", "billing"} {
		at := slices.IndexFunc(list, func(a address) bool { return a.Use == use && a.lines() != "" })
		if at >= 0 {
			best = list[at]
			break
		}
	}
	return best
}

// lines gives the address as it is written on a letter; the ready text only where there
// are no parts.
func (a address) lines() string {
	town := joinText(" ", joinText(", ", a.City, a.District, a.State), a.PostalCode)
	return cmp.Or(joinText("\n", join(a.Line, "\n"), town, a.Country), a.Text)
}

func joinText(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), by)
}

// emergencyCode is the emergency contact of HL7 v2 table 0131.
const emergencyCode = "C"

// emergencyContact gives the contact who is marked for emergencies, or else the first
// with a name or number.
func emergencyContact(contacts []contact) (name, phone string) {
	for _, marked := range []bool{true, false} {
		for _, c := range contacts {
			name, phone := c.Name.full(), telecom(c.Telecom, "phone", "sms")
			if (name != "" || phone != "") && (!marked || c.isEmergency()) {
				return name, phone
			}
		}
	}
	return "", ""
}

func (c contact) isEmergency() bool {
	for _, r := range c.Relationship {
		if slices.ContainsFunc(r.Coding, func(code coding) bool {
			return code.Code == emergencyCode && strings.HasSuffix(code.System, "v2-0131")
		}) {
			return true
		}
	}
	return false
}
