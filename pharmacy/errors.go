package pharmacy

import (
	"fmt"
	"strconv"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrInsufficientStock: there are not enough usable units; see [InsufficientStockError].
	ErrInsufficientStock = fmt.Errorf("%w: insufficient stock", hmstype.ErrPrecondition)
	// ErrBatchConflict: the item has a batch of this number with another expiry, price or supplier.
	ErrBatchConflict = fmt.Errorf("%w: the batch number is known with other particulars", hmstype.ErrPrecondition)
	// ErrPrescription: the prescription does not allow this dispense; see [PrescriptionError].
	ErrPrescription = fmt.Errorf("%w: the prescription does not allow it", hmstype.ErrPrecondition)
	// ErrReturn: more would come back than was handed out.
	ErrReturn = fmt.Errorf("%w: more than was dispensed", hmstype.ErrPrecondition)
	// ErrItemInactive: the item is no longer handed out.
	ErrItemInactive = fmt.Errorf("%w: the item is not active", hmstype.ErrPrecondition)
	// ErrNameTaken: the tenant has an entry of this name.
	ErrNameTaken = fmt.Errorf("%w: name", hmstype.ErrAlreadyExists)
)

// InsufficientStockError tells how much there is of what was asked for.
type InsufficientStockError struct {
	Available hmstype.Quantity // usable units at the location
}

// Error implements error.
func (e *InsufficientStockError) Error() string {
	return fmt.Sprintf("%v (%d available)", ErrInsufficientStock, e.Available)
}

// Unwrap gives [ErrInsufficientStock].
func (e *InsufficientStockError) Unwrap() error { return ErrInsufficientStock }

// PrescriptionReason says why a prescription does not allow a dispense.
type PrescriptionReason string

// The reasons.
const (
	PrescriptionNotActive PrescriptionReason = "not-active" // it is on hold, stopped, cancelled, a draft or a mistake
	PrescriptionExpired   PrescriptionReason = "expired"    // its last day is over
	PrescriptionExceeded  PrescriptionReason = "exceeds"    // more is wanted than is left
	PrescriptionUnknown   PrescriptionReason = "no-source"  // this pharmacy is connected to no prescriptions
	// it was prescribed by name: the dispense chooses an item of that
	PrescriptionNeedsItem PrescriptionReason = "needs-item"
	// the item is not what was prescribed: no name and no code is common to both, or another item was prescribed
	PrescriptionOtherMedicine PrescriptionReason = "other-medicine"
	PrescriptionOtherStrength PrescriptionReason = "other-strength" // a unit of the item is not of the strength prescribed
	PrescriptionOtherUnit     PrescriptionReason = "other-unit"     // the item is counted in another unit
)

// PrescriptionError says why a prescription does not allow a dispense, and what it does allow.
type PrescriptionError struct {
	Reason     PrescriptionReason
	ValidUntil hmstype.Date     // the last day, of the tenant's time zone; zero where the item is the reason
	Remaining  hmstype.Quantity // what is left over all fills, in base units; zero where the item is the reason
}

// Error implements error.
func (e *PrescriptionError) Error() string {
	return fmt.Sprintf("%v: %s (%d left until %s)", ErrPrescription, e.Reason, e.Remaining, e.ValidUntil)
}

// Unwrap gives [ErrPrescription].
func (e *PrescriptionError) Unwrap() error { return ErrPrescription }

var _ = dbx.Declare(dbx.Constraints{
	"medication_category_name_key": ErrNameTaken,
	"medication_item_name_key":     ErrNameTaken,
	"supplier_name_key":            ErrNameTaken,
	"stock_location_name_key":      ErrNameTaken,
	"stock_batch_number_key":       ErrBatchConflict,
	// follows from the primary key; serves foreign keys
	"stock_batch_item_key":                    hmstype.ErrAlreadyExists,
	"stock_balance_on_hand_check":             ErrInsufficientStock,
	"stock_balance_quarantined_check":         ErrInsufficientStock,
	"medication_dispense_line_returned_check": ErrReturn,
})

var _ = dbx.DeclareStates(dbx.States{
	"HM101": func(detail string) error {
		available, err := strconv.ParseInt(detail, 10, 64)
		if err != nil {
			return ErrInsufficientStock
		}
		return &InsufficientStockError{Available: hmstype.Quantity(available)}
	},
})
