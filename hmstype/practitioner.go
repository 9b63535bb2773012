package hmstype

import "fmt"

// ErrNotPractitioner: who is named does not treat patients; of kind precondition. See [PractitionerError].
var ErrNotPractitioner = fmt.Errorf("%w: does not treat patients", ErrPrecondition)

// PractitionerError names a user who cannot be booked, open an encounter, sign or prescribe, because his
// account is not active or none of his roles treats ([PermTreat]); it is an [ErrNotPractitioner].
type PractitionerError struct {
	User UserID `json:"user"`
}

// Error implements error.
func (e *PractitionerError) Error() string {
	return ErrNotPractitioner.Error() + ": " + e.User.String()
}

// Unwrap gives [ErrNotPractitioner].
func (e *PractitionerError) Unwrap() error { return ErrNotPractitioner }
