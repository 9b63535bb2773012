package inbox

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Lengths of text, in characters.
const (
	MaxTitle   = 200    // of a notification or task, and of a thread's subject
	MaxText    = 10_000 // of a notification's or message's body, and of a task's description
	MaxOutcome = 2_000  // of a task
	MaxReason  = 500    // of a step of a task
)

// NotifyInput describes a notification.
type NotifyInput struct {
	To Recipient `json:"to"` // required
	NotificationDetails
	Patient        hmstype.PatientID `json:"patient"`            // whom it is about; zero means nobody
	Link           Link              `json:"link"`               // what else it is about; optional
	ExpiresAt      time.Time         `json:"expiresAt,omitzero"` // after now; zero means never
	IdempotencyKey string            `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in NotifyInput) Validate() error {
	var v hmstype.Validator
	in.To.validate(&v, "to")
	in.NotificationDetails.validate(&v)
	in.Link.validate(&v)
	return v.Err()
}

var opNotify = usecase.Command[NotifyInput, Notification]{
	Name: "inbox.notify", Permission: hmstype.PermNotify, Shows: notifications.One(),
	Key:   func(in NotifyInput) string { return in.IdempotencyKey },
	Again: usecase.ReadAgain(func(n Notification) hmstype.NotificationID { return n.ID }, getSentNotification),
	Sample: NotifyInput{NotificationDetails: NotificationDetails{
		Category: "test", Priority: PriorityRoutine, Title: "A bed is free", Body: "on the second floor",
	}},
}.Declare()

// Notify sends a notification and emits "inbox.notified", by which a host may push it to a
// screen or a telephone. An unknown role or patient is not found, an unknown user invalid.
// Whoever sends one about a restricted patient sends it to somebody who may have to break the
// glass to read it.
// Permission: [hmstype.PermNotify].
func (s *Service) Notify(ctx context.Context, in NotifyInput) (Notification, error) {
	return opNotify.Run(ctx, &s.base, in, s.notify)
}

// getSentNotification gives a notification to who sent it.
func getSentNotification(
	ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.NotificationID],
) (Notification, error) {
	row, err := dbx.Get[notificationRow](ctx, db, "notification", in.ID, withReading(db))
	if err != nil {
		return Notification{}, err
	}
	list, err := notificationsOf(ctx, db, row)
	return list[0], err
}

func (s *Service) notify(ctx context.Context, db dbx.DB, in NotifyInput) (Notification, error) {
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(db.Now) {
		return Notification{}, hmstype.Invalid("expiresAt", "must lie after now")
	}
	if err := s.requireKnown(ctx, db, in.Patient); err != nil {
		return Notification{}, err
	}
	role, err := roleNamed(ctx, db, in.To.Role)
	if err != nil {
		return Notification{}, err
	}
	row, err := s.insertNotification(ctx, db, in, role)
	n := row.notification()
	n.To = in.To
	return n, err
}

// insertNotification seals and writes a notification and tells the host's bus. role is that of
// in.To, which may be left without its name.
func (s *Service) insertNotification(
	ctx context.Context, db dbx.DB, in NotifyInput, role hmstype.RoleID,
) (notificationRow, error) {
	row := notificationRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.NotificationID](), UserID: in.To.User,
		RoleID:              role,
		NotificationDetails: in.NotificationDetails,
		PatientID:           in.Patient, SealedFor: sealedFor(db, in.Patient), Entity: in.Link.Entity,
		EntityID:  in.Link.entityID(),
		CreatedBy: db.By(), CreatedAt: db.Now, ExpiresAt: hmstype.Instant(in.ExpiresAt),
	}
	row.Priority = row.Priority.orRoutine()
	if err := notificationTexts.Seal(ctx, s.base.Crypt, db, row.SealedFor, row.ID, &row.NotificationDetails); err != nil {
		return row, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return row, err
	}
	return row, db.Emit(ctx, dbx.Event{Type: eventNotified, ID: row.ID, Data: map[string]any{
		"id": row.ID, "user": row.UserID, "role": row.RoleID, "category": row.Category, "priority": row.Priority,
		"patient": row.PatientID,
	}})
}
