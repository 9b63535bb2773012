package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// ListNotificationsInput selects from the actor's inbox.
type ListNotificationsInput struct {
	Unread   bool         `json:"unread"`   // only those that the actor has not read
	Category string       `json:"category"` // only those of this category; empty means all
	Page     hmstype.Page `json:"page"`
}

// Validate implements the rules above.
func (in ListNotificationsInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Category, "category", 0, 50)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListNotifications = usecase.Query[ListNotificationsInput, hmstype.List[Notification]]{
	Name: "inbox.list_notifications", Permission: hmstype.PermInboxRead, Shows: notifications.Found(),
	Sample: ListNotificationsInput{Unread: true, Category: "test"},
}.Declare()

// ListNotifications lists what was sent to the actor and to the roles that he holds now, the
// newest first, without what has expired. Who is given a role finds what it got before him. The
// patients whom the list names are recorded as searched for.
// Permission: [hmstype.PermInboxRead].
func (s *Service) ListNotifications(
	ctx context.Context, in ListNotificationsInput,
) (hmstype.List[Notification], error) {
	return opListNotifications.Run(ctx, &s.base, in, listNotifications)
}

func listNotifications(ctx context.Context, db dbx.DB, in ListNotificationsInput) (hmstype.List[Notification], error) {
	list := hmstype.List[Notification]{Items: []Notification{}}
	if err := requireUser(db); err != nil {
		return list, err
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return list, err
	}
	rows, next, err := mergedPage[notificationRow](ctx, db, in.Page, dbx.Order{
		At: "created_at", Desc: true,
	}, sources(db, roles),
		unexpired(db), withReading(db), dbx.When(in.Unread, dbx.Where("nr.read_at IS NULL")),
		dbx.When(in.Category != "", dbx.Equal("category", in.Category)))
	if err != nil {
		return list, err
	}
	list.Next = next
	list.Items, err = notificationsOf(ctx, db, rows...)
	return list, err
}

// sources are the ways by which a notification reaches the actor.
func sources(db dbx.DB, roles []hmstype.RoleID) []dbx.Apply {
	out := []dbx.Apply{dbx.Equal("user_id", db.Actor.User)}
	for _, role := range roles {
		out = append(out, dbx.Equal("role_id", role))
	}
	return out
}

// reaching selects what reaches the actor by any of them.
func reaching(db dbx.DB, roles []hmstype.RoleID) dbx.Apply {
	return dbx.Where("(n.user_id = ? OR n.role_id = ANY(?))", db.Actor.User, dbx.Array(roles))
}

func unexpired(db dbx.DB) dbx.Apply {
	return dbx.Where("(n.expires_at IS NULL OR n.expires_at > ?)", db.Now)
}

// withReading joins when the actor himself has read each.
func withReading(db dbx.DB) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ColumnExpr("?TableColumns").ColumnExpr("nr.read_at").
			Join(
				"LEFT JOIN hms.notification_read AS nr ON nr.tenant_id = ? AND nr.notification_id = n.id AND nr.user_id = ?",
				db.Tenant(), db.Actor.User,
			)
	}
}

// notificationsOf gives rows with the names of the roles that they were sent to, and their texts
// as they are stored.
func notificationsOf(ctx context.Context, db dbx.DB, rows ...notificationRow) ([]Notification, error) {
	list, roles := make([]Notification, len(rows)), make([]hmstype.RoleID, len(rows))
	for i, r := range rows {
		list[i], roles[i] = r.notification(), r.RoleID
	}
	names, err := roleNames(ctx, db, roles)
	if err != nil {
		return list, err
	}
	for i, r := range rows {
		list[i].To.Role = names[r.RoleID]
	}
	return list, nil
}

var opGetNotification = usecase.Query[usecase.ByID[hmstype.NotificationID], Notification]{
	Name: "inbox.get_notification", Permission: hmstype.PermInboxRead, Shows: notifications.One(),
}.Declare()

// GetNotification gives one notification of the actor's inbox, also one that has expired, and
// records the read of its patient's data. It does not mark it as read. One that was sent to
// others is not found; one about a restricted patient needs patient.restricted or a
// break-glass grant.
// Permission: [hmstype.PermInboxRead].
func (s *Service) GetNotification(ctx context.Context, id hmstype.NotificationID) (Notification, error) {
	return opGetNotification.Run(ctx, &s.base, usecase.ID(id), getNotification)
}

func getNotification(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NotificationID]) (Notification, error) {
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return Notification{}, err
	}
	row, err := dbx.Get[notificationRow](ctx, db, "notification", in.ID, withReading(db), reaching(db, roles))
	if err != nil {
		return Notification{}, err
	}
	list, err := notificationsOf(ctx, db, row)
	return list[0], err
}

const unreadCount = `SELECT count(*) FROM hms.notification AS n
	WHERE n.tenant_id = $1 AND (n.user_id = $2 OR n.role_id = ANY ($3::uuid[]))
	AND (n.expires_at IS NULL OR n.expires_at > $4)
	AND NOT EXISTS (SELECT 1 FROM hms.notification_read AS nr
		WHERE nr.tenant_id = $1 AND nr.notification_id = n.id AND nr.user_id = $2)`

var opCountUnreadNotifications = usecase.Query[usecase.None, int64]{
	Name: "inbox.count_unread_notifications", Permission: hmstype.PermInboxRead,
	Shows: usecase.Nobody[int64]("counts only"), Quiet: "counts only",
}.Declare()

// CountUnreadNotifications counts what [Service.ListNotifications] would list as unread.
// Permission: [hmstype.PermInboxRead].
func (s *Service) CountUnreadNotifications(ctx context.Context) (int64, error) {
	return opCountUnreadNotifications.Run(ctx, &s.base, usecase.None{}, unreadNotifications)
}

func unreadNotifications(ctx context.Context, db dbx.DB, _ usecase.None) (n int64, err error) {
	if err := requireUser(db); err != nil {
		return 0, err
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return 0, err
	}
	err = db.QueryRow(ctx, unreadCount, db.Tenant(), db.Actor.User, idTexts(roles), db.Now).Scan(&n)
	return n, err
}
