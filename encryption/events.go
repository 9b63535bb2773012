package encryption

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventErased = dbx.DeclareEvent(dbx.EventType{
		Name: "encryption.erased", Entity: "patient", When: "what was sealed of the patient cannot be read any more",
		Data: []string{"patient"},
		By:   []string{"encryption.erase"},
	})
)
