package identity

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventGlassBroken = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.glass_broken", Entity: "break_glass", When: "somebody opened a restricted record",
		Data: []string{"id", "user", "patient", "outcome"},
		By:   []string{"identity.break_the_glass"},
	})
	eventGlassRefused = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.break_glass_refused", Entity: "user_account",
		When: "somebody asked for more break-glass grants than one person may have; bound is open or day",
		Data: []string{"user", "patient", "bound"},
		By:   []string{"identity.break_the_glass"},
	})
	eventGlassReviewed = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.break_glass_reviewed", Entity: "break_glass",
		When: "another person judged of it; related is true where one of the two made the other's account",
		Data: []string{"id", "user", "patient", "outcome", "related"},
		By:   []string{"identity.review_break_glass"},
	})
	eventDutyAssigned = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.duty_assigned", Entity: "duty", When: "somebody is planned for a place and time, or stands in there",
		Data: []string{"id", "user", "kind", "ward", "standsInFor"},
		By:   []string{"identity.assign_duty", "identity.stand_in"},
	})
	eventDutyCancelled = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.duty_cancelled", Entity: "duty", When: "it ends now, or will not take place",
		Data: []string{"id", "user", "kind", "ward", "standsInFor"},
		By:   []string{"identity.cancel_duty"},
	})
	eventAccessRequested = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.access_change_requested", Entity: "access_change",
		When: "somebody asked for what another person must approve", Data: accessChangeData,
		By: []string{
			"identity.request_administrator", "identity.request_role_change", "identity.request_second_factor_reset",
		},
	})
	eventAccessApproved = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.access_change_approved", Entity: "access_change",
		When: "another person approved it, and it is done", Data: accessChangeData,
		By: []string{"identity.decide_access_change"},
	})
	eventAccessRejected = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.access_change_rejected", Entity: "access_change",
		When: "somebody refused it", Data: accessChangeData,
		By: []string{"identity.decide_access_change"},
	})
	eventAccessWithdrawn = dbx.DeclareEvent(dbx.EventType{
		Name: "identity.access_change_withdrawn", Entity: "access_change",
		When: "who asked took it back", Data: accessChangeData,
		By: []string{"identity.withdraw_access_change"},
	})
)

var accessChangeData = []string{"id", "kind", "user", "role"}

// accessEvents are what is told of a request that came into a state.
var accessEvents = map[AccessChangeStatus]*dbx.EventType{
	AccessRequested: eventAccessRequested,
	AccessApproved:  eventAccessApproved,
	AccessRejected:  eventAccessRejected,
	AccessWithdrawn: eventAccessWithdrawn,
}
