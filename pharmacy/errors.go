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
	// ErrPrescription: the prescription does not allow this dispense.
	ErrPrescription = fmt.Errorf("%w: the prescription does not allow it", hmstype.ErrPrecondition)
	// ErrAllergy: the patient is recorded as allergic to the item.
	ErrAllergy = fmt.Errorf("%w: recorded allergy", hmstype.ErrPrecondition)
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

var _ = dbx.Declare(dbx.Constraints{
	"medication_category_name_key":            ErrNameTaken,
	"medication_item_name_key":                ErrNameTaken,
	"supplier_name_key":                       ErrNameTaken,
	"stock_location_name_key":                 ErrNameTaken,
	"stock_batch_number_key":                  ErrBatchConflict,
	"stock_batch_item_key":                    hmstype.ErrAlreadyExists, // follows from the primary key; serves foreign keys
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
