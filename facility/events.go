package facility

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventAdmitted = dbx.DeclareEvent(dbx.EventType{
		Name: "facility.admitted", Entity: "stay", When: "a patient lies in a bed",
		Data: []string{"bed"},
		By:   []string{"facility.admit"},
	})
	eventTransferred = dbx.DeclareEvent(dbx.EventType{
		Name: "facility.transferred", Entity: "stay", When: "the patient lies in another bed, by a stay of its own",
		Data: []string{"from", "to"},
		By:   []string{"facility.transfer"},
	})
	eventDeparted = dbx.DeclareEvent(dbx.EventType{
		Name: "facility.departed", Entity: "stay", When: "the patient has left",
		Data: []string{"bed"},
		By:   []string{"facility.depart"},
	})
)
