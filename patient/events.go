package patient

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventRegistered = dbx.DeclareEvent(dbx.EventType{
		Name: "patient.registered", Entity: "patient", When: "a record is made",
		Data: []string{"id"},
		By:   []string{"patient.register"},
	})
	eventStatusChanged = dbx.DeclareEvent(dbx.EventType{
		Name: "patient.status_changed", Entity: "patient", When: "the record is active, inactive, merged or in error",
		Data: []string{"id", "status"},
		By:   []string{"patient.set_status"},
	})
	eventRestrictionChanged = dbx.DeclareEvent(dbx.EventType{
		Name: "patient.restriction_changed", Entity: "patient", When: "the record is restricted, or no more",
		Data: []string{"id", "status"},
		By:   []string{"patient.set_restricted"},
	})
	eventMarkedDeceased = dbx.DeclareEvent(dbx.EventType{
		Name: "patient.marked_deceased", Entity: "patient", When: "the person is recorded as dead",
		Data: []string{"id", "status"},
		By:   []string{"patient.mark_deceased"},
	})
	eventDeathRevoked = dbx.DeclareEvent(dbx.EventType{
		Name: "patient.death_revoked", Entity: "patient", When: "the person is recorded as alive after all",
		Data: []string{"id", "status"},
		By:   []string{"patient.revoke_death"},
	})
)
