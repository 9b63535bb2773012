package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// NotificationsInput selects from the actor's inbox.
type NotificationsInput struct {
	Unread   bool   // only those that the actor has not read
	Category string // only those of this category; empty means all
	Page     hmstype.Page
}

// Validate implements the rules above.
func (in NotificationsInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Category, "category", 0, 50)
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Notifications lists what was sent to the actor and to the roles that he holds now, the
// newest first, without what has expired. Who is given a role finds what it got before him. The
// patients whom the list names are recorded as searched for.
func (s *Service) Notifications(ctx context.Context, in NotificationsInput) (hmstype.List[Notification], error) {
	op := usecase.Op{Name: "inbox.notifications", Permission: hmstype.PermInboxRead}
	return usecase.Read(ctx, &s.base, op, in, s.notifications)
}

func (s *Service) notifications(ctx context.Context, db dbx.DB, in NotificationsInput) (hmstype.List[Notification], error) {
	list := hmstype.List[Notification]{Items: []Notification{}}
	if err := requireUser(db); err != nil {
		return list, err
	}
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return list, err
	}
	rows, next, err := mergedPage[notificationRow](ctx, db, in.Page, dbx.Order{At: "created_at", Desc: true}, sources(db, roles), unexpired(db), withReading(db),
		func(q *bun.SelectQuery) *bun.SelectQuery {
			if in.Unread {
				q = q.Where("nr.read_at IS NULL")
			}
			if in.Category != "" {
				q = q.Where("n.category = ?", in.Category)
			}
			return q
		})
	if err != nil {
		return list, err
	}
	list.Next = next
	if list.Items, err = s.showNotifications(ctx, db, false, rows); err != nil {
		return list, err
	}
	patients := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		patients[i] = r.PatientID
	}
	return list, db.RecordSearch(ctx, "notification", patients...)
}

// sources are the ways by which a notification reaches the actor.
func sources(db dbx.DB, roles []hmstype.RoleID) []dbx.Apply {
	out := []dbx.Apply{func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("n.user_id = ?", db.Actor.User) }}
	for _, role := range roles {
		out = append(out, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("n.role_id = ?", role) })
	}
	return out
}

// reaching selects what reaches the actor by any of them.
func reaching(db dbx.DB, roles []hmstype.RoleID) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("(n.user_id = ? OR n.role_id IN (?))", db.Actor.User, bun.List(roles))
	}
}

func unexpired(db dbx.DB) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("(n.expires_at IS NULL OR n.expires_at > ?)", db.Now)
	}
}

// withReading joins when the actor himself has read each.
func withReading(db dbx.DB) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ColumnExpr("n.*").ColumnExpr("nr.read_at").
			Join("LEFT JOIN hms.notification_read AS nr ON nr.tenant_id = ? AND nr.notification_id = n.id AND nr.user_id = ?", db.Tenant(), db.Actor.User)
	}
}

// showNotifications gives rows as people read them.
func (s *Service) showNotifications(ctx context.Context, db dbx.DB, allowed bool, rows []notificationRow) ([]Notification, error) {
	list, entries := make([]Notification, len(rows)), make([]shown, len(rows))
	roles := make([]hmstype.RoleID, len(rows))
	for i, r := range rows {
		list[i], roles[i] = r.notification(), r.RoleID
		entries[i] = shown{patient: r.PatientID, subject: r.SealedFor, row: r.ID, withheld: &list[i].Withheld, texts: []fieldcrypt.Part{
			{Field: fieldNotificationTitle, Text: &list[i].Title}, {Field: fieldNotificationBody, Text: &list[i].Body},
		}}
	}
	names, err := roleNames(ctx, db, roles)
	if err != nil {
		return list, err
	}
	for i, r := range rows {
		list[i].To.Role = names[r.RoleID]
	}
	return list, s.show(ctx, db, allowed, entries...)
}

// Notification gives one notification of the actor's inbox, also one that has expired, and
// records the read of its patient's data. It does not mark it as read. One that was sent to
// others is not found; one about a restricted patient needs patient.restricted or a
// break-glass grant.
func (s *Service) Notification(ctx context.Context, id hmstype.NotificationID) (Notification, error) {
	op := usecase.Op{Name: "inbox.notification", Permission: hmstype.PermInboxRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.NotificationID]{ID: id}, s.notification)
}

func (s *Service) notification(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NotificationID]) (Notification, error) {
	roles, err := heldRoles(ctx, db)
	if err != nil {
		return Notification{}, err
	}
	row, err := dbx.Get[notificationRow](ctx, db, "notification", in.ID, withReading(db), reaching(db, roles))
	if err != nil {
		return Notification{}, err
	}
	err = db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "notification", ID: in.ID.String(), Patient: row.PatientID})
	if err != nil {
		return Notification{}, err
	}
	list, err := s.showNotifications(ctx, db, true, []notificationRow{row})
	if err != nil {
		return Notification{}, err
	}
	return list[0], nil
}

const unreadCount = `SELECT count(*) FROM hms.notification AS n
	WHERE n.tenant_id = $1 AND (n.user_id = $2 OR n.role_id = ANY ($3::uuid[])) AND (n.expires_at IS NULL OR n.expires_at > $4)
	AND NOT EXISTS (SELECT 1 FROM hms.notification_read AS nr
		WHERE nr.tenant_id = $1 AND nr.notification_id = n.id AND nr.user_id = $2)`

// UnreadNotifications counts what [Service.Notifications] would list as unread.
func (s *Service) UnreadNotifications(ctx context.Context) (int64, error) {
	op := usecase.Op{Name: "inbox.unread_notifications", Permission: hmstype.PermInboxRead}
	return usecase.Read(ctx, &s.base, op, usecase.None{}, func(ctx context.Context, db dbx.DB, _ usecase.None) (n int64, err error) {
		if err := requireUser(db); err != nil {
			return 0, err
		}
		roles, err := heldRoles(ctx, db)
		if err != nil {
			return 0, err
		}
		err = db.QueryRow(ctx, unreadCount, db.Tenant(), db.Actor.User, idTexts(roles), db.Now).Scan(&n)
		return n, err
	})
}
