package hmstype

import "fmt"

// SeparatedPair names two permissions that one person may not use on the same object, though he
// may hold both: whoever wrote a prescription does not dispense it.
type SeparatedPair struct {
	First  Permission `json:"first"`
	Second Permission `json:"second"`
}

// StandardSeparation are the pairs that are kept apart unless a host says otherwise. Of break-glass and its
// review it is less than the others: nobody ever judges his own grant, and with this pair nobody either who is
// related to its user by having made his account, or the other way round (identity.ErrRelatedReviewer).
// With the pair of identity, who becomes an administrator, what a standard role allows and that a second factor is
// reset are requests that another person approves (identity.ErrApprovalRequired); without it, as in a practice of
// one, whoever manages accounts does them at once.
func StandardSeparation() []SeparatedPair {
	return []SeparatedPair{
		{PermPrescribe, PermDispense},
		{PermLabEnter, PermLabVerify},
		{PermRefundRequest, PermRefundApprove},
		{PermBreakGlass, PermBreakGlassReview},
		{PermIdentityManage, PermIdentityApprove},
	}
}

// ErrSeparationOfDuties: another person must do this; of kind permission denied.
var ErrSeparationOfDuties = fmt.Errorf("%w: another person must do this", ErrPermissionDenied)

// SeparationError says which pair of duties was kept apart; it is an [ErrSeparationOfDuties].
type SeparationError struct {
	Pair SeparatedPair `json:"pair"`
}

// Error implements error.
func (e *SeparationError) Error() string {
	return fmt.Sprintf("%v (%s after %s)", ErrSeparationOfDuties, e.Pair.Second, e.Pair.First)
}

// Unwrap gives [ErrSeparationOfDuties].
func (e *SeparationError) Unwrap() error { return ErrSeparationOfDuties }
