package lab

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventOrdered = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.ordered", Entity: "lab_order", When: "an order is written",
		Data: []string{"patient", "status", "priority"},
		By:   []string{"lab.add_order"},
	})
	eventOrderActivated = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.order_activated", Entity: "lab_order", When: "work on it may begin, or go on",
		Data: []string{"patient", "status", "priority"},
		By:   []string{"lab.activate_order"},
	})
	eventOrderHeld = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.order_held", Entity: "lab_order", When: "work on it is suspended",
		Data: []string{"patient", "status", "priority"},
		By:   []string{"lab.hold_order"},
	})
	eventOrderCompleted = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.order_completed", Entity: "lab_order", When: "every item is final or cancelled",
		Data: []string{"patient", "status", "priority"},
		By: []string{
			"lab.release_result", "lab.verify_result", "lab.cancel_item", "lab.reject_specimen", "lab.enter_item_in_error",
		},
	})
	eventOrderRevoked = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.order_revoked", Entity: "lab_order", When: "it was withdrawn, or nothing of it is left to be done",
		Data: []string{"patient", "status", "priority"},
		By:   []string{"lab.revoke_order", "lab.cancel_item", "lab.reject_specimen", "lab.enter_item_in_error"},
	})
	eventOrderInError = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.order_entered_in_error", Entity: "lab_order", When: "it should never have been",
		Data: []string{"patient", "status", "priority"},
		By:   []string{"lab.enter_order_in_error", "clinical.enter_encounter_in_error"},
	})
	eventSpecimenCollected = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.specimen_collected", Entity: "lab_order", When: "a specimen was drawn",
		Data: []string{"specimen", "patient", "status"},
		By:   []string{"lab.collect_specimen"},
	})
	eventSpecimenRejected = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.specimen_rejected", Entity: "lab_order", When: "a specimen cannot be used",
		Data: []string{"specimen", "patient", "status"},
		By:   []string{"lab.reject_specimen"},
	})
	eventResulted = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.resulted", Entity: "lab_order", When: "an item has values that nobody has verified",
		Data: []string{"item", "patient", "status"},
		By:   []string{"lab.enter_result"},
	})
	eventVerified = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.verified", Entity: "lab_order", When: "the laboratory stands for an item's values",
		Data: []string{"item", "patient", "status"},
		By:   []string{"lab.verify_result"},
	})
	eventReleased = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.released", Entity: "lab_order", When: "an item is final",
		Data: []string{"item", "patient", "status"},
		By:   []string{"lab.release_result", "lab.verify_result"},
	})
	eventCorrected = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.corrected", Entity: "lab_order", When: "a final item has other or further values",
		Data: []string{"item", "patient", "status", "result", "supersedes", "reviewedBy"},
		By:   []string{"lab.correct_result"},
	})
	eventWithdrawn = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.withdrawn", Entity: "lab_order", When: "a released item's values count no more",
		Data: []string{"item", "patient", "status"},
		By:   []string{"lab.enter_item_in_error", "lab.enter_order_in_error", "lab.reject_specimen"},
	})
	eventItemCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.item_cancelled", Entity: "lab_order", When: "an item will not be done",
		Data: []string{"item", "patient", "status"},
		By:   []string{"lab.cancel_item"},
	})
	eventCriticalFound = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.critical_found", Entity: "lab_critical_alert", When: "somebody must be told of a value now",
		Data: []string{"patient", "item", "result", "flag", "escalationLevel", "supersededBy"},
		By:   []string{"lab.enter_result", "lab.correct_result"},
	})
	eventCriticalAcknowledged = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.critical_acknowledged", Entity: "lab_critical_alert", When: "somebody knows of it",
		Data: []string{"patient", "item", "result", "flag", "escalationLevel", "supersededBy"},
		By:   []string{"lab.acknowledge_critical"},
	})
	eventCriticalClosed = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.critical_closed", Entity: "lab_critical_alert", When: "it was read back and dealt with",
		Data: []string{"patient", "item", "result", "flag", "escalationLevel", "supersededBy"},
		By:   []string{"lab.close_critical"},
	})
	eventCriticalCorrected = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.critical_corrected", Entity: "lab_critical_alert", When: "the value is another now, or was withdrawn",
		Data: []string{"patient", "item", "result", "flag", "escalationLevel", "supersededBy"},
		By: []string{
			"lab.correct_result", "lab.enter_result", "lab.enter_order_in_error", "lab.reject_specimen", "lab.revoke_order",
			"lab.cancel_item", "lab.enter_item_in_error",
		},
	})
	eventCriticalEscalated = dbx.DeclareEvent(dbx.EventType{
		Name: "lab.critical_escalated", Entity: "lab_critical_alert", When: "nobody has answered in time",
		Data: []string{"patient", "item", "result", "flag", "escalationLevel", "supersededBy", "ward", "tell"},
		By:   []string{"lab.escalate_critical"},
	})
)

// orderEvents are what is told of an order that came into a state.
var orderEvents = map[OrderStatus]*dbx.EventType{
	OrderActive:         eventOrderActivated,
	OrderOnHold:         eventOrderHeld,
	OrderCompleted:      eventOrderCompleted,
	OrderRevoked:        eventOrderRevoked,
	OrderEnteredInError: eventOrderInError,
}

// alertEvents are what is told of a case that came into a state.
var alertEvents = map[AlertStatus]*dbx.EventType{
	AlertAcknowledged: eventCriticalAcknowledged,
	AlertClosed:       eventCriticalClosed,
}
