package inbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

type readRow struct {
	bun.BaseModel `bun:"table:hms.notification_read,alias:nr"`
	dbx.Tenanted
	NotificationID hmstype.NotificationID `bun:"notification_id,pk"`
	UserID         hmstype.UserID         `bun:"user_id,pk"`
	ReadAt         time.Time
}

// MarkReadInput names notifications that the actor has read.
type MarkReadInput struct {
	IDs []hmstype.NotificationID `json:"ids"` // 1 to 500
}

// Validate implements the rules above.
func (in MarkReadInput) Validate() error {
	var v hmstype.Validator
	v.Check(len(in.IDs) >= 1 && len(in.IDs) <= hmstype.MaxPageSize, "ids", "must be 1 to 500")
	for i, id := range in.IDs[:min(len(in.IDs), hmstype.MaxPageSize)] {
		v.Required(!id.IsZero(), fmt.Sprintf("ids[%d]", i))
	}
	return v.Err()
}

var opMarkRead = usecase.Command[MarkReadInput, int64]{
	Name: "inbox.mark_read", Permission: hmstype.PermInboxRead,
	Shows: usecase.Nobody[int64]("counts only"), MayBeIdle: "the first time stands",
	Sample: MarkReadInput{IDs: make([]hmstype.NotificationID, 1)},
}.Declare()

// MarkRead notes that the actor has read some notifications, and gives how many of them were
// new to him: the first time stands. Of a notification to a role each member reads for
// himself. One that was sent to others is not found, and then none is marked.
// Permission: [hmstype.PermInboxRead].
func (s *Service) MarkRead(ctx context.Context, in MarkReadInput) (int64, error) {
	return opMarkRead.Run(ctx, &s.base, in, markThese)
}

func markThese(ctx context.Context, db dbx.DB, in MarkReadInput) (int64, error) {
	return markRead(ctx, db, func(roles []hmstype.RoleID) ([]hmstype.NotificationID, error) {
		found, err := idsOf(dbx.All[notificationRow](ctx, db, reaching(db, roles), dbx.OneOf("id", in.IDs), onlyID))
		for _, id := range in.IDs {
			if err == nil && !slices.Contains(found, id) {
				err = hmstype.NotFound("notification", id)
			}
		}
		return found, err
	})
}

func onlyID(q *bun.SelectQuery) *bun.SelectQuery { return q.Column("id") }

// MarkAllReadInput says up to when the actor has read everything.
type MarkAllReadInput struct {
	UpTo time.Time `json:"upTo,omitzero"` // the newest notification that the actor was shown; zero means now
}

// Validate accepts every instant.
func (in MarkAllReadInput) Validate() error { return nil }

var opMarkAllRead = usecase.Command[MarkAllReadInput, int64]{
	Name: "inbox.mark_all_read", Permission: hmstype.PermInboxRead,
	Shows: usecase.Nobody[int64]("counts only"), MayBeIdle: "nothing may be unread",
	Sample: MarkAllReadInput{UpTo: usecase.SampleAt},
}.Declare()

// MarkAllRead notes that the actor has read all that reached him up to an instant, and gives how
// many were new to him. What comes in meanwhile stays unread.
// Permission: [hmstype.PermInboxRead].
func (s *Service) MarkAllRead(ctx context.Context, in MarkAllReadInput) (int64, error) {
	return opMarkAllRead.Run(ctx, &s.base, in, markAll)
}

func markAll(ctx context.Context, db dbx.DB, in MarkAllReadInput) (int64, error) {
	if in.UpTo.IsZero() {
		in.UpTo = db.Now
	}
	return markRead(ctx, db, func(roles []hmstype.RoleID) ([]hmstype.NotificationID, error) {
		return idsOf(dbx.All[notificationRow](ctx, db, reaching(db, roles), onlyID, dbx.Where("n.created_at <= ?", in.UpTo),
			dbx.Where(`NOT EXISTS (SELECT 1 FROM hms.notification_read AS nr
				WHERE nr.tenant_id = ? AND nr.notification_id = n.id AND nr.user_id = ?)`, db.Tenant(), db.Actor.User)))
	})
}

// idsOf gives the ids of what was read.
func idsOf(rows []notificationRow, err error) ([]hmstype.NotificationID, error) {
	ids := make([]hmstype.NotificationID, len(rows))
	for i, r := range rows {
		ids[i] = r.ID
	}
	return ids, err
}

// readBatch is the number of marks of one statement.
const readBatch = 1000

// markRead marks what find gives for the roles that the actor holds.
func markRead(
	ctx context.Context, db dbx.DB, find func([]hmstype.RoleID) ([]hmstype.NotificationID, error),
) (int64, error) {
	if err := requireUser(db); err != nil {
		return 0, err
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return 0, err
	}
	ids, err := find(roles)
	if err != nil {
		return 0, err
	}
	marked := int64(0)
	for start := 0; start < len(ids); start += readBatch {
		part := ids[start:min(start+readBatch, len(ids))]
		rows := make([]readRow, len(part))
		for i, id := range part {
			rows[i] = readRow{
				Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, NotificationID: id, UserID: db.Actor.User, ReadAt: db.Now,
			}
		}
		n, err := dbx.InsertFree(ctx, db, rows)
		if err != nil {
			return 0, err
		}
		marked += n
	}
	return marked, nil
}
