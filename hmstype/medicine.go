package hmstype

// Medicine says which medicine is meant, as far as that is known: an item of the formulary, a name and codes alone,
// or all of them. Who compares two of them goes by names and codes, never by the id.
type Medicine struct {
	Item        MedicationItemID `json:"item,omitzero"`         // of the formulary; zero for what is none of its items
	Name        string           `json:"name"`                  // such as "Amoxil 500 mg capsules"
	GenericName string           `json:"genericName,omitempty"` // of the active substance, such as "amoxicillin"
	Strength    string           `json:"strength,omitempty"`    // of one unit, such as "500 mg"
	Form        string           `json:"form,omitempty"`        // such as "capsule"
	Unit        string           `json:"unit,omitempty"`        // what is counted, such as "capsule" or "ml"
	Codes       []Code           `json:"codes,omitempty"`       // of the medicine, its substances and their classes
}
