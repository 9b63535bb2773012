package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/chelal/hms/hmstype"
)

const (
	// maxAttempts is the number of failures after which an event is dead: some eight hours, so that a bus which is
	// down overnight leaves little to do in the morning.
	maxAttempts = 50

	firstPause, longestPause = 5 * time.Second, 15 * time.Minute
)

// pause gives how long an event waits after so many failures: from the half to the whole of 5 seconds, twice as
// much after each further one, up to 15 minutes. Chance keeps what failed together from coming again together.
func pause(failures int) time.Duration {
	whole := longestPause
	if failures < 10 {
		whole = min(firstPause<<(failures-1), longestPause)
	}
	return whole/2 + rand.N(whole/2+1) //nolint:gosec // jitter needs no secrecy
}

// failureOf gives what is kept of an error: its kind, or else its type. Its text may hold a patient's data.
func failureOf(err error) string {
	var panicked *PanicError
	switch kind := hmstype.KindOf(err); {
	case errors.As(err, &panicked):
		return "panic"
	case errors.Is(err, ErrUndeliverable):
		return "undeliverable"
	case errors.Is(err, context.DeadlineExceeded):
		return "deadline_exceeded"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case kind != hmstype.KindInternal:
		return string(kind)
	default:
		return bounded(fmt.Sprintf("%T", err))
	}
}

// maxFailure is the length that the column has.
const maxFailure = 100

// bounded cuts the name of a type, which may have type parameters, at the column's length.
func bounded(name string) string {
	if letters := []rune(name); len(letters) > maxFailure {
		return string(letters[:maxFailure])
	}
	return name
}
