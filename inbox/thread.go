package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// Thread is a conversation between users, about a patient or not.
type Thread struct {
	ID        hmstype.ThreadID  `json:"id"`
	Subject   string            `json:"subject"`
	Patient   hmstype.PatientID `json:"patient"`   // whom it is about; zero means nobody
	SealedFor uuid.UUID         `json:"sealedFor"` // whose key seals its texts: the patient's, or the tenant's
	// who takes part now, by when they came; nil in lists
	Participants  []Participant    `json:"participants,omitempty"`
	Unread        int64            `json:"unread"` // messages of others that the actor has not read; 0 for who looks on
	CreatedBy     hmstype.ActorRef `json:"createdBy"`
	CreatedAt     time.Time        `json:"createdAt,omitzero"`     // UTC
	LastMessageAt time.Time        `json:"lastMessageAt,omitzero"` // UTC
	// Erased says that the key that sealed the subject was destroyed, and with it the text.
	Erased bool `json:"erased,omitempty"`
	// Withheld says that the patient's record is restricted and the actor may not see it: the subject
	// is left out. To read it by itself honours a break-glass grant.
	Withheld bool `json:"withheld,omitempty"`
}

// Participant is a user who takes part in a thread: he reads all of it, also what was said
// before he came.
type Participant struct {
	User     hmstype.UserID   `json:"user"`
	AddedBy  hmstype.ActorRef `json:"addedBy"`
	JoinedAt time.Time        `json:"joinedAt,omitzero"` // UTC
	ReadUpTo time.Time        `json:"readUpTo,omitzero"` // UTC; the newest message that he has read; zero means none
}

type threadRow struct {
	bun.BaseModel `bun:"table:hms.message_thread,alias:mt"`
	dbx.Header[hmstype.ThreadID]
	Subject       string
	PatientID     hmstype.PatientID `bun:",nullzero"`
	SealedFor     uuid.UUID         `bun:"type:uuid"`
	LastMessageAt time.Time
	Unread        int64 `bun:",scanonly"`
}

// threads is what every use case that shows threads shows of whom.
var threads = usecase.Entity[Thread]{
	Table:   "message_thread",
	Patient: func(t *Thread) hmstype.PatientID { return t.Patient },
	ID:      func(t *Thread) string { return t.ID.String() },
	Texts: func(t *Thread) []fieldcrypt.Record {
		return []fieldcrypt.Record{erasable(threadSubjects.Of(t.SealedFor, t.ID, &t.Subject), &t.Erased)}
	},
	// That somebody waits for an answer is always shown.
	Keep: func(withheld, whole *Thread) {
		withheld.Participants, withheld.Unread = whole.Participants, whole.Unread
	},
}

// Position is the place in a list of threads, which is ordered by the last message.
func (r threadRow) Position() hmstype.Position {
	return hmstype.Position{At: r.LastMessageAt, ID: r.ID.UUID()}
}

func (r threadRow) thread() Thread {
	return Thread{
		ID: r.ID, Subject: r.Subject, Patient: r.PatientID, SealedFor: r.SealedFor, Unread: r.Unread, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), LastMessageAt: r.LastMessageAt.UTC(),
	}
}

type participantRow struct {
	bun.BaseModel `bun:"table:hms.thread_participant,alias:tp"`
	dbx.Tenanted
	ThreadID hmstype.ThreadID `bun:"thread_id,pk"`
	UserID   hmstype.UserID   `bun:"user_id,pk"`
	AddedBy  hmstype.ActorRef
	JoinedAt time.Time
	ReadUpTo time.Time `bun:",nullzero"`
}

func (r participantRow) participant() Participant {
	return Participant{User: r.UserID, AddedBy: r.AddedBy, JoinedAt: r.JoinedAt.UTC(), ReadUpTo: r.ReadUpTo.UTC()}
}

// participants gives who takes part in a thread now.
func participants(ctx context.Context, db dbx.DB, thread hmstype.ThreadID) ([]participantRow, error) {
	return dbx.All[participantRow](ctx, db, dbx.Equal("thread_id", thread), dbx.Where("tp.left_at IS NULL"),
		dbx.OrderBy("tp.joined_at", "tp.user_id"))
}

// takesPart tells whether the actor takes part in a thread now.
func takesPart(ctx context.Context, db dbx.DB, thread hmstype.ThreadID) (bool, error) {
	return dbx.Exists[participantRow](ctx, db, dbx.Equal("thread_id", thread), dbx.Equal("user_id", db.Actor.User),
		dbx.Where("tp.left_at IS NULL"))
}

// ownThread reads a thread in which the actor takes part, locked for a use case: messages and
// comings and goings of one thread take turns. To all others it is not found.
func ownThread(ctx context.Context, db dbx.DB, id hmstype.ThreadID) (threadRow, error) {
	row, err := dbx.Get[threadRow](ctx, db, "message_thread", id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	is, err := takesPart(ctx, db, id)
	if err == nil && !is {
		err = hmstype.NotFound("message_thread", id)
	}
	return row, err
}

// readableThread reads a thread for somebody who takes part, or for somebody who may read
// clinical records where it is about a patient. To all others it is not found.
func readableThread(ctx context.Context, db dbx.DB, id hmstype.ThreadID, clinical bool) (threadRow, error) {
	row, err := dbx.Get[threadRow](ctx, db, "message_thread", id, withUnread(db))
	if err != nil {
		return row, err
	}
	if row.PatientID.IsZero() || !clinical {
		is, err := takesPart(ctx, db, id)
		if err != nil {
			return threadRow{}, err
		}
		if !is {
			return threadRow{}, hmstype.NotFound("message_thread", id)
		}
	}
	return row, nil
}

// withUnread counts the messages of others that the actor has not read; nothing is unread for
// who does not take part.
func withUnread(db dbx.DB) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ColumnExpr("?TableColumns").ColumnExpr(`(SELECT count(*) FROM hms.thread_participant AS me
			JOIN hms.message AS m ON m.tenant_id = ? AND m.thread_id = me.thread_id AND m.sender_id <> me.user_id
				AND (me.read_up_to IS NULL OR m.sent_at > me.read_up_to)
			WHERE me.tenant_id = ? AND me.thread_id = mt.id AND me.user_id = ? AND me.left_at IS NULL) AS unread`,
			db.Tenant(), db.Tenant(), db.Actor.User)
	}
}
