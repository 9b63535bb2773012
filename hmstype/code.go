package hmstype

// Code is a coded concept of a terminology (FHIR Coding). The zero Code means "not coded".
type Code struct {
	System  string `json:"system,omitempty"`  // URI of the terminology, such as "http://loinc.org"
	Value   string `json:"code,omitempty"`    // the code within the system
	Display string `json:"display,omitempty"` // what a person reads; never compared
}

// The URIs of the terminologies that the library names (FHIR R4, "Using codes in resources").
const (
	SystemLOINC  = "http://loinc.org"
	SystemSNOMED = "http://snomed.info/sct"
	SystemRxNorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
	SystemICD10  = "http://hl7.org/fhir/sid/icd-10"
	SystemUCUM   = "http://unitsofmeasure.org"
	SystemATC    = "http://www.whocc.no/atc"
)

// IsZero tells whether nothing is coded.
func (c Code) IsZero() bool { return c == Code{} }

// Validate checks lengths: system up to 200, value 1 to 100, display up to 300 characters.
// A zero code is valid; whether a code is required is the field's rule.
func (c Code) Validate() error {
	if c.IsZero() {
		return nil
	}
	var v Validator
	v.Text(c.System, "system", 0, 200)
	v.Text(c.Value, "code", 0, 100)
	v.Text(c.Display, "display", 0, 300)
	v.Check(c.Value != "" || c.Display != "", "code", "needs a code or a display")
	return v.Err()
}
