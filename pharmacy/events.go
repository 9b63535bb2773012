package pharmacy

import "github.com/chelal/hms/internal/dbx"

// The events that this package puts into the outbox.
var (
	eventBatchReceived = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_received", Entity: "stock_batch", When: "a delivery came in",
		Data: []string{"item", "quantity"},
		By:   []string{"pharmacy.receive_batch"},
	})
	eventBatchReleased = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_released", Entity: "stock_batch", When: "the batch may be dispensed",
		Data: []string{"item"},
		By:   []string{"pharmacy.set_batch_status"},
	})
	eventBatchHeld = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_held", Entity: "stock_batch", When: "the batch may not be dispensed for now",
		Data: []string{"item"},
		By:   []string{"pharmacy.set_batch_status"},
	})
	eventBatchQuarantined = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_quarantined", Entity: "stock_batch", When: "the batch waits to be judged of",
		Data: []string{"item"},
		By:   []string{"pharmacy.set_batch_status"},
	})
	eventBatchRecalled = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_recalled", Entity: "stock_batch", When: "the batch must not reach anybody any more",
		Data: []string{"item"},
		By:   []string{"pharmacy.set_batch_status"},
	})
	eventBatchDestroyed = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.batch_destroyed", Entity: "stock_batch", When: "the batch is gone",
		Data: []string{"item"},
		By:   []string{"pharmacy.set_batch_status"},
	})
	eventDispensed = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.dispensed", Entity: "medication_dispense", When: "a medication was handed out",
		Data: []string{"item", "quantity"},
		By:   []string{"pharmacy.dispense"},
	})
	eventReversed = dbx.DeclareEvent(dbx.EventType{
		Name: "pharmacy.reversed", Entity: "medication_dispense", When: "a dispense was taken back",
		Data: []string{"quantity"},
		By:   []string{"pharmacy.reverse_dispense"},
	})
)

// batchEvents are what is told of a batch that came into a state.
var batchEvents = map[BatchStatus]*dbx.EventType{
	BatchAvailable:  eventBatchReleased,
	BatchHold:       eventBatchHeld,
	BatchQuarantine: eventBatchQuarantined,
	BatchRecalled:   eventBatchRecalled,
	BatchDestroyed:  eventBatchDestroyed,
}
