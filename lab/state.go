package lab

import (
	"slices"

	"github.com/chelal/hms/hmstype"
)

// OrderStatus is the state of an order; FHIR R4 request-status.
type OrderStatus string

// The states of an order.
const (
	OrderDraft          OrderStatus = "draft"            // written, not yet asked for
	OrderActive         OrderStatus = "active"           // asked for
	OrderOnHold         OrderStatus = "on-hold"          // work is suspended
	OrderCompleted      OrderStatus = "completed"        // every item is final or cancelled
	OrderRevoked        OrderStatus = "revoked"          // withdrawn before completion
	OrderEnteredInError OrderStatus = "entered-in-error" // should never have been; terminal
)

// OrderTransitions are the allowed steps between the states of an order.
var OrderTransitions = hmstype.Transitions[OrderStatus]{
	OrderDraft:     {OrderActive, OrderRevoked, OrderEnteredInError},
	OrderActive:    {OrderOnHold, OrderCompleted, OrderRevoked, OrderEnteredInError},
	OrderOnHold:    {OrderActive, OrderRevoked, OrderEnteredInError},
	OrderCompleted: {OrderEnteredInError},
	OrderRevoked:   {OrderEnteredInError},
}

// ItemStatus is the state of one test of an order; see the package's documentation for
// what it is as FHIR ServiceRequest and DiagnosticReport.
type ItemStatus string

// The states of an item.
const (
	ItemOrdered        ItemStatus = "ordered"          // waits for a specimen
	ItemCollected      ItemStatus = "collected"        // the specimen is drawn
	ItemInProgress     ItemStatus = "in-progress"      // the laboratory has the specimen
	ItemPreliminary    ItemStatus = "preliminary"      // has values that nobody has verified
	ItemVerified       ItemStatus = "verified"         // the laboratory stands for the values; not released yet
	ItemFinal          ItemStatus = "final"            // verified and released
	ItemCorrected      ItemStatus = "corrected"        // a final value was wrong and has a successor
	ItemAmended        ItemStatus = "amended"          // a final result was added to, its value stands
	ItemCancelled      ItemStatus = "cancelled"        // will not be done
	ItemEnteredInError ItemStatus = "entered-in-error" // should never have been; terminal
)

// ItemTransitions are the allowed steps between the states of an item. The steps back to
// ordered are those of a rejected specimen, the one from verified to preliminary is another value. A released item is
// cancelled only because its specimen turned out to be unfit.
var ItemTransitions = hmstype.Transitions[ItemStatus]{
	ItemOrdered:     {ItemCollected, ItemCancelled, ItemEnteredInError},
	ItemCollected:   {ItemInProgress, ItemPreliminary, ItemOrdered, ItemCancelled, ItemEnteredInError},
	ItemInProgress:  {ItemPreliminary, ItemOrdered, ItemCancelled, ItemEnteredInError},
	ItemPreliminary: {ItemVerified, ItemOrdered, ItemCancelled, ItemEnteredInError},
	ItemVerified:    {ItemFinal, ItemPreliminary, ItemOrdered, ItemCancelled, ItemEnteredInError},
	ItemFinal:       {ItemCorrected, ItemAmended, ItemCancelled, ItemEnteredInError},
	ItemCorrected:   {ItemAmended, ItemCancelled, ItemEnteredInError},
	ItemAmended:     {ItemCorrected, ItemCancelled, ItemEnteredInError},
	ItemCancelled:   {ItemEnteredInError},
}

// pendingItems are the states of an item on which work is still to be done.
var pendingItems = []ItemStatus{ItemOrdered, ItemCollected, ItemInProgress, ItemPreliminary, ItemVerified}

// pending tells whether work on the item is still to be done.
func (s ItemStatus) pending() bool {
	return slices.Contains(pendingItems, s)
}

// released tells whether the item's results are released.
func (s ItemStatus) released() bool { return s == ItemFinal || s == ItemCorrected || s == ItemAmended }

// SpecimenStatus is the state of a specimen. In FHIR R4 Specimen.status collected and
// received are available, rejected is unsatisfactory.
type SpecimenStatus string

// The states of a specimen.
const (
	SpecimenCollected      SpecimenStatus = "collected"
	SpecimenReceived       SpecimenStatus = "received"
	SpecimenRejected       SpecimenStatus = "rejected"
	SpecimenEnteredInError SpecimenStatus = "entered-in-error"
)

// SpecimenTransitions are the allowed steps between the states of a specimen.
var SpecimenTransitions = hmstype.Transitions[SpecimenStatus]{
	SpecimenCollected: {SpecimenReceived, SpecimenRejected, SpecimenEnteredInError},
	SpecimenReceived:  {SpecimenRejected, SpecimenEnteredInError},
	SpecimenRejected:  {SpecimenEnteredInError},
}

// ResultStatus is the state of one version of a result; FHIR R4 observation-status. An item
// without results is what FHIR calls registered, so no version ever is.
type ResultStatus string

// The states of a version of a result.
const (
	ResultPreliminary    ResultStatus = "preliminary"
	ResultFinal          ResultStatus = "final"
	ResultCorrected      ResultStatus = "corrected" // the value differs from that of the version before
	ResultAmended        ResultStatus = "amended"   // the value stands; a comment was added or changed
	ResultCancelled      ResultStatus = "cancelled"
	ResultEnteredInError ResultStatus = "entered-in-error"
)

// ResultTransitions say which state the next version of a result may have. A version never
// changes; a first version is preliminary. A cancelled one is followed by the result of the
// specimen that was collected anew.
var ResultTransitions = hmstype.Transitions[ResultStatus]{
	ResultPreliminary: {ResultPreliminary, ResultFinal, ResultCancelled, ResultEnteredInError},
	ResultFinal:       {ResultCorrected, ResultAmended, ResultCancelled, ResultEnteredInError},
	ResultCorrected:   {ResultCorrected, ResultAmended, ResultCancelled, ResultEnteredInError},
	ResultAmended:     {ResultCorrected, ResultAmended, ResultCancelled, ResultEnteredInError},
	ResultCancelled:   {ResultPreliminary, ResultEnteredInError},
}

// withdrawn tells whether the version says that there is no result.
func (s ResultStatus) withdrawn() bool { return s == ResultCancelled || s == ResultEnteredInError }

// AlertStatus is the state of the case of a critical value.
type AlertStatus string

// The states of a case.
const (
	AlertOpen         AlertStatus = "open"         // nobody who treats the patient knows yet
	AlertAcknowledged AlertStatus = "acknowledged" // somebody was told
	AlertClosed       AlertStatus = "closed"       // read back and dealt with; terminal
)

// AlertTransitions are the allowed steps between the states of a case.
var AlertTransitions = hmstype.Transitions[AlertStatus]{
	AlertOpen:         {AlertAcknowledged},
	AlertAcknowledged: {AlertClosed},
}

// Priority of an order; FHIR R4 request-priority.
type Priority string

// The priorities, the most urgent last: FHIR defines asap as higher than urgent.
const (
	PriorityRoutine Priority = "routine"
	PriorityUrgent  Priority = "urgent"
	PriorityASAP    Priority = "asap"
	PriorityStat    Priority = "stat"
)

// rank orders the worklist: the most urgent has the smallest.
func (p Priority) rank() int {
	switch p {
	case PriorityStat:
		return 0
	case PriorityASAP:
		return 1
	case PriorityUrgent:
		return 2
	default:
		return 3
	}
}
