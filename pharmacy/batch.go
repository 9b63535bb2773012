package pharmacy

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// BatchStatus is the state of a batch; see the package's documentation.
type BatchStatus string

// The states of a batch.
const (
	BatchQuarantine BatchStatus = "quarantine"
	BatchAvailable  BatchStatus = "available"
	BatchHold       BatchStatus = "hold"
	BatchRecalled   BatchStatus = "recalled"
	BatchDestroyed  BatchStatus = "destroyed"
)

// BatchTransitions are the allowed steps between the states.
var BatchTransitions = hmstype.Transitions[BatchStatus]{
	BatchQuarantine: {BatchAvailable, BatchRecalled, BatchDestroyed},
	BatchAvailable:  {BatchHold, BatchQuarantine, BatchRecalled},
	BatchHold:       {BatchAvailable, BatchRecalled, BatchDestroyed},
	BatchRecalled:   {BatchQuarantine, BatchDestroyed},
}

// aStock is why what shows stock shows nothing of a patient.
const aStock = "stock, nobody's data"

// BatchDetails are what is printed on a batch, and who delivered it. A batch keeps them for good.
type BatchDetails struct {
	Item        hmstype.MedicationItemID `bun:"item_id"     json:"item"`     // required
	Supplier    hmstype.SupplierID       `bun:"supplier_id" json:"supplier"` // required
	BatchNumber string                   `json:"batchNumber"`                // required, up to 100 characters
	// ExpiryDate is the last day of use; of one printed as a month, its EndOfMonth. Zero means it does not expire.
	ExpiryDate hmstype.Date `json:"expiryDate,omitzero"`
}

func (d BatchDetails) validate(v *hmstype.Validator) {
	v.Required(!d.Item.IsZero(), "item")
	v.Required(!d.Supplier.IsZero(), "supplier")
	names.Check(v, names.CodeKey, d.BatchNumber, "batchNumber", 100)
}

// Batch is one lot of an item from one supplier.
type Batch struct {
	ID hmstype.BatchID `json:"id"`
	BatchDetails
	Status           BatchStatus      `json:"status"`
	StatusReason     string           `json:"statusReason,omitempty"`
	QuantityReceived hmstype.Quantity `json:"quantityReceived"`    // of all deliveries, in base units
	CostPrice        hmstype.Money    `json:"costPrice"`           // of one base unit
	SellingPrice     hmstype.Money    `json:"sellingPrice"`        // of one base unit
	ReceivedBy       hmstype.ActorRef `json:"receivedBy"`          // who recorded the first delivery
	ReceivedAt       time.Time        `json:"receivedAt,omitzero"` // of the first delivery, UTC
	Version          int64            `json:"version"`             // counts changes, from 1
}

type batchRow struct {
	bun.BaseModel `bun:"table:hms.stock_batch,alias:sb"`
	dbx.Header[hmstype.BatchID]
	BatchDetails
	BatchNumberKey     string // normal form of BatchNumber
	Status             BatchStatus
	StatusReason       string
	QuantityReceived   hmstype.Quantity
	CostPriceAmount    decimal.Decimal
	SellingPriceAmount decimal.Decimal
	Currency           hmstype.Currency
}

func (r batchRow) batch() Batch {
	return Batch{
		ID: r.ID, BatchDetails: r.BatchDetails,
		Status: r.Status, StatusReason: r.StatusReason, QuantityReceived: r.QuantityReceived,
		CostPrice:    hmstype.Money{Amount: r.CostPriceAmount, Currency: r.Currency},
		SellingPrice: hmstype.Money{Amount: r.SellingPriceAmount, Currency: r.Currency},
		ReceivedBy:   r.CreatedBy, ReceivedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

var batchSteps = dbx.Machine[batchRow, BatchStatus]{
	Table: "stock_batch", Transitions: BatchTransitions,
	State:   func(r *batchRow) *BatchStatus { return &r.Status },
	Columns: []string{"status_reason"},
	Event: func(r *batchRow, _ BatchStatus) dbx.Event {
		return dbx.Event{
			Type: batchEvents[r.Status], ID: r.ID,
			Data: map[string]string{"item": r.Item.String()},
		}
	},
}

// SetBatchStatusInput moves a batch to another state.
type SetBatchStatusInput struct {
	ID     hmstype.BatchID `json:"id"`     // required
	Status BatchStatus     `json:"status"` // required
	Reason string          `json:"reason"` // required, up to 500 characters
}

// Validate implements the rules above.
func (in SetBatchStatusInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", BatchTransitions.States()...)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opSetBatchStatus = usecase.Command[SetBatchStatusInput, Batch]{
	Name: "pharmacy.set_batch_status", Permission: hmstype.PermStockWrite, Shows: usecase.Nobody[Batch](aStock),
	Sample: SetBatchStatusInput{Status: BatchHold, Reason: "seal broken"},
}.Declare()

// SetBatchStatus releases, holds, recalls or writes off a batch in all places at once: from
// the moment that it commits, nobody hands out a unit of a batch that is not available.
// Permission: [hmstype.PermStockWrite].
func (s *Service) SetBatchStatus(ctx context.Context, in SetBatchStatusInput) (Batch, error) {
	return opSetBatchStatus.Run(ctx, &s.base, in, setBatchStatus)
}

func setBatchStatus(ctx context.Context, db dbx.DB, in SetBatchStatusInput) (Batch, error) {
	row, err := dbx.Step(ctx, db, batchSteps, in.ID, dbx.Change[batchRow, BatchStatus]{
		To: in.Status, Reason: in.Reason,
		Apply: func(row *batchRow) error {
			row.StatusReason = in.Reason
			return nil
		},
	})
	return row.batch(), err
}
