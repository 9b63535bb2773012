package patient

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// DeathFollower ends what a death has made pointless. It runs in the transaction in which the death is noted.
type DeathFollower interface {
	// AfterDeath is told of a patient who died at an instant; zero where nobody knows when.
	AfterDeath(ctx context.Context, conn bun.IConn, patient hmstype.PatientID, at time.Time) error
}

// OpenSource tells what is open for a patient. It runs in the transaction of a use case that holds the
// patient's row, so that nothing is opened meanwhile.
type OpenSource interface {
	OpenFor(ctx context.Context, conn bun.IConn, patient hmstype.PatientID) ([]Open, error)
}

// Open is something that somebody is still to do for a patient, or first has to undo.
type Open struct {
	Entity string `json:"entity"` // appointment, encounter, prescription, lab_order, lab_order_item or charge
	ID     string `json:"id"`     // its id, a UUID
}

// requireNothingOpen refuses to take a record out of use for which something is still to be done.
func (s *Service) requireNothingOpen(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	var open []Open
	for _, source := range s.ports.Open {
		more, err := source.OpenFor(ctx, db.Conn(), id)
		if err != nil {
			return err
		}
		open = slices.Concat(open, more)
	}
	if len(open) > 0 {
		return &OpenWorkError{Open: open}
	}
	return nil
}

// OpenOf lists entities that are open, for an [OpenSource].
func OpenOf[R any, I fmt.Stringer](entity string, rows []R, id func(R) I) []Open {
	open := make([]Open, len(rows))
	for i, r := range rows {
		open[i] = Open{Entity: entity, ID: id(r).String()}
	}
	return open
}
