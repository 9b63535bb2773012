package inbox

import (
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Notification tells a user, or everybody who holds a role, that something happened (FHIR
// Communication). It never changes; that somebody read it is kept beside it.
type Notification struct {
	ID        hmstype.NotificationID
	To        Recipient
	Category  string // a code of the sender's, such as "lab.critical": what a client filters and translates by
	Priority  Priority
	Title     string            // empty where Withheld says why
	Body      string            // may be empty
	Withheld  Withheld          // why a list does not show title and body
	Patient   hmstype.PatientID // whom it is about; zero means nobody
	Link      Link              // what else it is about
	CreatedBy string            // an actor, as on the audit trail
	CreatedAt time.Time         // UTC
	ExpiresAt time.Time         // UTC; from then on it is in no list; zero means never
	ReadAt    time.Time         // UTC; when the reader himself read it; zero means not yet
}

type notificationRow struct {
	bun.BaseModel `bun:"table:hms.notification,alias:n"`
	dbx.Tenanted
	ID        hmstype.NotificationID `bun:"id,pk"`
	UserID    hmstype.UserID         `bun:",nullzero"`
	RoleID    hmstype.RoleID         `bun:",nullzero"`
	Category  string
	Priority  Priority
	Title     string
	Body      string
	PatientID hmstype.PatientID `bun:",nullzero"`
	SealedFor uuid.UUID         `bun:"type:uuid"`
	Entity    string
	EntityID  uuid.NullUUID `bun:"type:uuid"`
	CreatedBy string
	CreatedAt time.Time
	ExpiresAt time.Time `bun:",nullzero"`
	ReadAt    time.Time `bun:",scanonly"`
}

// Position is the place in the inbox, which is ordered by the time of sending.
func (r notificationRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

// notification gives the row with its texts as they are stored, and without the role's name.
func (r notificationRow) notification() Notification {
	return Notification{
		ID: r.ID, To: Recipient{User: r.UserID}, Category: r.Category, Priority: r.Priority, Title: r.Title, Body: r.Body,
		Patient: r.PatientID, Link: Link{Entity: r.Entity, ID: r.EntityID.UUID}, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), ReadAt: r.ReadAt.UTC(),
	}
}

// entityID is the link's id as a column that may be NULL.
func (l Link) entityID() uuid.NullUUID { return uuid.NullUUID{UUID: l.ID, Valid: l.ID != uuid.Nil} }
