package clinical

// Verification says how sure a problem or an allergy is: FHIR R4 condition-ver-status and
// allergyintolerance-verification. Provisional and differential are of problems only.
type Verification string

// The degrees of verification.
const (
	Unconfirmed    Verification = "unconfirmed"
	Provisional    Verification = "provisional"
	Differential   Verification = "differential"
	Confirmed      Verification = "confirmed"
	Refuted        Verification = "refuted"
	EnteredInError Verification = "entered-in-error" // terminal, with a reason
)
