package hmstype

import (
	"fmt"
	"time"
)

// RecentProof is how long a proof of who somebody is serves for what needs it anew.
const RecentProof = 5 * time.Minute

// ErrProofRequired: the session is good, and this use case wants that its person proves anew who he is:
// ask for the password, call Reauthenticate, or send him to his identity provider, and do it again. It is of
// kind precondition, so that a host does not take it for the end of the session.
var ErrProofRequired = fmt.Errorf("%w: a recent proof of identity is required", ErrPrecondition)

// ProvedRecently tells whether the actor has given a password, or what his identity provider asks for,
// within [RecentProof].
func (a Actor) ProvedRecently(now time.Time) bool {
	at := a.AuthenticatedAt
	return !at.IsZero() && !at.After(now) && now.Sub(at) <= RecentProof
}
