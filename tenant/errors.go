package tenant

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrNoTenant: the database has no such tenant.
	ErrNoTenant = fmt.Errorf("%w: tenant", hmstype.ErrNotFound)
	// ErrTenantThere: the database has rows of the tenant already; nothing was taken in.
	ErrTenantThere = fmt.Errorf("%w: rows of the tenant", hmstype.ErrAlreadyExists)
	// ErrBusy: events came to the trail faster than they could be sealed, or rows faster than they were removed: stop the
	// work of the tenant, and call again.
	ErrBusy = fmt.Errorf("%w: work of the tenant goes on", hmstype.ErrUnavailable)
	// ErrOtherSchema: the archive was made of a database at other steps of the schema; migrate the older one first.
	ErrOtherSchema = fmt.Errorf("%w: the archive is of another schema", hmstype.ErrPrecondition)
	// ErrOtherTenant: the archive is another tenant's, or of another installation's log (sealed.Config.Origin).
	ErrOtherTenant = fmt.Errorf("%w: the archive is another tenant's", hmstype.ErrPrecondition)
	// ErrReadable: an archive for people to read is none from which a tenant can be taken in, or after which it can be
	// deleted as moved.
	ErrReadable = fmt.Errorf("%w: the archive is one to read", hmstype.ErrPrecondition)
	// ErrNoArchive: this database has no signed record of such an archive of the tenant.
	ErrNoArchive = fmt.Errorf("%w: record of the tenant's archive", hmstype.ErrNotFound)
	// ErrChanged: the trail has events that came after the archive was made: export again.
	ErrChanged = fmt.Errorf("%w: the tenant was worked in since the archive was made", hmstype.ErrPrecondition)
	// ErrRecord: a record of the tenant is not signed by a key of the log.
	ErrRecord = fmt.Errorf("%w: a record of the tenant is not what was signed", hmstype.ErrPrecondition)
	// ErrRetained: something keeps the tenant from being deleted; see [RetainedError].
	ErrRetained = fmt.Errorf("%w: the tenant must be kept", hmstype.ErrPrecondition)
	// ErrTurn: somebody else recorded something of the tenant at the same time.
	ErrTurn = fmt.Errorf("%w: another record of the tenant", hmstype.ErrAlreadyExists)
	// ErrDeleted is [identity.ErrTenantDeleted].
	ErrDeleted = identity.ErrTenantDeleted
)

// ObstacleKind is what keeps a tenant from being deleted.
type ObstacleKind string

// The kinds of obstacle.
const (
	ObstacleHold   ObstacleKind = "hold"   // Count legal holds are in force
	ObstaclePeriod ObstacleKind = "period" // the trail must be kept; Until tells the end
)

// Obstacle is one thing that keeps a tenant from being deleted.
type Obstacle struct {
	Kind  ObstacleKind `json:"kind"`
	Count int64        `json:"count"`          // zero where there is nothing to count
	Until time.Time    `json:"until,omitzero"` // UTC; zero where time alone will not remove it
}

// RetainedError names what keeps a tenant from being deleted; its kind is that of [ErrRetained].
type RetainedError struct {
	Obstacles []Obstacle
}

// Error implements error.
func (e *RetainedError) Error() string {
	kinds := make([]string, len(e.Obstacles))
	for i, o := range e.Obstacles {
		kinds[i] = string(o.Kind)
	}
	slices.Sort(kinds)
	return fmt.Sprintf("%s: %s", ErrRetained, strings.Join(kinds, ", "))
}

// Unwrap makes errors.Is(err, ErrRetained) true.
func (e *RetainedError) Unwrap() error { return ErrRetained }

var _ = dbx.Declare(dbx.Constraints{"tenant_record_pkey": ErrTurn})
