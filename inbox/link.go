package inbox

import (
	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
)

// Link points to what something is about, beside a patient: a result, a bill, a bed. Nothing
// checks that it exists. The zero Link points to nothing.
type Link struct {
	Entity string    `json:"entity"` // a table's name, such as "lab_order": up to 50 letters a to z and "_"
	ID     uuid.UUID `json:"id"`     // the entity's id
}

func (l Link) validate(v *hmstype.Validator) {
	v.Check((l.Entity == "") == (l.ID == uuid.Nil), "link", "needs both an entity and an id, or neither")
	v.Check(len(l.Entity) <= 50 && lower(l.Entity), "link.entity", "must have at most 50 letters a to z and _")
}

func lower(text string) bool {
	for _, r := range text {
		if r != '_' && (r < 'a' || r > 'z') {
			return false
		}
	}
	return true
}

// entityID is the link's id as a column that may be NULL.
func (l Link) entityID() uuid.NullUUID { return uuid.NullUUID{UUID: l.ID, Valid: l.ID != uuid.Nil} }
