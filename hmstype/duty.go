package hmstype

import "fmt"

// DutyPair names two permissions that one person may not use on the same object, though he
// may hold both: whoever wrote a prescription does not dispense it.
type DutyPair struct {
	First  Permission `json:"first"`
	Second Permission `json:"second"`
}

// StandardDuties are the pairs that are kept apart unless a host says otherwise.
func StandardDuties() []DutyPair {
	return []DutyPair{
		{PermPrescribe, PermDispense},
		{PermLabResult, PermLabReview},
		{PermRefundRequest, PermRefundApprove},
	}
}

// ErrSeparationOfDuties: another person must do this; of kind permission denied.
var ErrSeparationOfDuties = fmt.Errorf("%w: another person must do this", ErrPermissionDenied)

// DutyError says which pair of duties was kept apart; it is an [ErrSeparationOfDuties].
type DutyError struct {
	Pair DutyPair `json:"pair"`
}

// Error implements error.
func (e *DutyError) Error() string {
	return fmt.Sprintf("%v (%s after %s)", ErrSeparationOfDuties, e.Pair.Second, e.Pair.First)
}

// Unwrap gives [ErrSeparationOfDuties].
func (e *DutyError) Unwrap() error { return ErrSeparationOfDuties }
