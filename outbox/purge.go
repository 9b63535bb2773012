package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PurgeInput says what Purge removes.
type PurgeInput struct {
	// DeliveredBefore: events that were delivered or discarded before this instant go; required.
	DeliveredBefore time.Time `json:"deliveredBefore,omitzero"`
}

// Validate implements the rules above.
func (in PurgeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.DeliveredBefore.IsZero(), "deliveredBefore")
	return v.Err()
}

var opPurge = usecase.Command[PurgeInput, int64]{
	Name: "outbox.purge", Permission: hmstype.PermOutboxRelay, Shows: usecase.Nobody[int64]("counts only"),
	Quiet:  "removes rows that were delivered; what they tell of are on the trail",
	Sample: PurgeInput{DeliveredBefore: usecase.SampleAt},
}.Declare()

// Purge removes events that were delivered or discarded, and expired idempotency keys, and tells how many events
// went. What was decided of an event stays. It is plain and idempotent: the host's scheduler calls it.
// Permission: [hmstype.PermOutboxRelay].
func (s *Service) Purge(ctx context.Context, in PurgeInput) (int64, error) {
	return opPurge.Run(ctx, &s.base, in, purge)
}

func purge(ctx context.Context, db dbx.DB, in PurgeInput) (int64, error) {
	if _, err := db.Exec(ctx, `DELETE FROM hms.idempotency_key WHERE tenant_id = $1 AND expires_at <= $2`,
		db.Tenant(), db.Now); err != nil {
		return 0, fmt.Errorf("expired keys: %w", err)
	}
	return db.Exec(ctx, `DELETE FROM hms.outbox AS o WHERE o.tenant_id = $1 AND (o.delivered_at < $2 OR o.discard_id IN (
			SELECT d.id FROM hms.outbox_decision AS d WHERE d.tenant_id = $1 AND d.decision = 'discard' AND d.created_at < $2))`,
		db.Tenant(), hmstype.Instant(in.DeliveredBefore))
}
