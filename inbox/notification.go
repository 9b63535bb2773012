package inbox

import (
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// NotificationDetails are what is sent.
type NotificationDetails struct {
	// Category is a code of the sender's, such as "lab.critical", by which a client filters and
	// translates: 1 to 50 of a-z, 0-9, ".", "_" and "-"; required.
	Category string   `bun:"category" json:"category"`
	Priority Priority `bun:"priority" json:"priority"` // empty means routine
	Title    string   `bun:"title"    json:"title"`    // required, up to 200 characters
	Body     string   `bun:"body"     json:"body"`     // up to 10,000 characters
}

var categoryCode = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,49}$`)

func (d *NotificationDetails) validate(v *hmstype.Validator) {
	v.Check(categoryCode.MatchString(d.Category), "category", "must be a code of 1 to 50 of a-z, 0-9, '.', '_' and '-'")
	d.Priority.validate(v)
	v.Text(d.Title, "title", 1, MaxTitle)
	v.Text(d.Body, "body", 0, MaxText)
}

// Notification tells a user, or everybody who holds a role, that something happened (FHIR
// Communication). It never changes; that somebody read it is kept beside it.
type Notification struct {
	ID hmstype.NotificationID `json:"id"`
	To Recipient              `json:"to"`
	NotificationDetails
	Patient   hmstype.PatientID `json:"patient"`   // whom it is about; zero means nobody
	SealedFor uuid.UUID         `json:"sealedFor"` // whose key seals its texts: the patient's, or the tenant's
	Link      Link              `json:"link"`      // what else it is about
	CreatedBy hmstype.ActorRef  `json:"createdBy"`
	CreatedAt time.Time         `json:"createdAt,omitzero"` // UTC
	ExpiresAt time.Time         `json:"expiresAt,omitzero"` // UTC; from then on it is in no list; zero means never
	ReadAt    time.Time         `json:"readAt,omitzero"`    // UTC; when the reader himself read it; zero means not yet
	// Erased says that the key that sealed title and body was destroyed, and with it the texts.
	Erased bool `json:"erased,omitempty"`
	// Withheld says that the patient's record is restricted and the actor may not see it: title and
	// body are left out. To read it by itself honours a break-glass grant.
	Withheld bool `json:"withheld,omitempty"`
}

type notificationRow struct {
	bun.BaseModel `bun:"table:hms.notification,alias:n"`
	dbx.Tenanted
	ID     hmstype.NotificationID `bun:"id,pk"`
	UserID hmstype.UserID         `bun:",nullzero"`
	RoleID hmstype.RoleID         `bun:",nullzero"`
	NotificationDetails
	PatientID hmstype.PatientID `bun:",nullzero"`
	SealedFor uuid.UUID         `bun:"type:uuid"`
	Entity    string
	EntityID  uuid.NullUUID `bun:"type:uuid"`
	CreatedBy hmstype.ActorRef
	CreatedAt time.Time
	ExpiresAt time.Time `bun:",nullzero"`
	ReadAt    time.Time `bun:",scanonly"`
}

// notifications is what every use case that shows notifications shows of whom.
var notifications = usecase.Entity[Notification]{
	Table:   "notification",
	Patient: func(n *Notification) hmstype.PatientID { return n.Patient },
	ID:      func(n *Notification) string { return n.ID.String() },
	Texts: func(n *Notification) []fieldcrypt.Record {
		return []fieldcrypt.Record{erasable(notificationTexts.Of(n.SealedFor, n.ID, &n.NotificationDetails), &n.Erased)}
	},
	// What it is about, for whom, and how urgent it is, is always shown: work must not wait.
	Keep: func(withheld, whole *Notification) {
		withheld.To, withheld.Category = whole.To, whole.Category
		withheld.Priority, withheld.Link = whole.Priority, whole.Link
	},
}

// Position is the place in the inbox, which is ordered by the time of sending.
func (r notificationRow) Position() hmstype.Position {
	return hmstype.Position{At: r.CreatedAt, ID: r.ID.UUID()}
}

// notification gives the row with its texts as they are stored, and without the role's name.
func (r notificationRow) notification() Notification {
	return Notification{
		ID: r.ID, To: Recipient{User: r.UserID}, NotificationDetails: r.NotificationDetails,
		Patient: r.PatientID, SealedFor: r.SealedFor, Link: Link{Entity: r.Entity, ID: r.EntityID.UUID},
		CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), ReadAt: r.ReadAt.UTC(),
	}
}
