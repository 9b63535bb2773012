package inbox

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
)

// Thread is a conversation between users, about a patient or not.
type Thread struct {
	ID            hmstype.ThreadID
	Subject       string            // empty where Withheld says why
	Withheld      Withheld          // why a list does not show the subject
	Patient       hmstype.PatientID // whom it is about; zero means nobody
	Participants  []Participant     // who takes part now, by when they came; nil in lists
	Unread        int64             // messages of others that the actor has not read; 0 for who only looks on
	CreatedBy     string            // an actor, as on the audit trail
	CreatedAt     time.Time         // UTC
	LastMessageAt time.Time         // UTC
}

// Participant is a user who takes part in a thread: he reads all of it, also what was said
// before he came.
type Participant struct {
	User     hmstype.UserID
	AddedBy  string    // an actor, as on the audit trail
	JoinedAt time.Time // UTC
	ReadUpTo time.Time // UTC; the newest message that he has read; zero means none
}

type threadRow struct {
	bun.BaseModel `bun:"table:hms.message_thread,alias:mt"`
	dbx.Tenanted
	ID            hmstype.ThreadID `bun:"id,pk"`
	Subject       string
	PatientID     hmstype.PatientID `bun:",nullzero"`
	SealedFor     uuid.UUID         `bun:"type:uuid"`
	CreatedBy     string
	CreatedAt     time.Time
	LastMessageAt time.Time
	Unread        int64 `bun:",scanonly"`
}

// Position is the place in a list of threads, which is ordered by the last message.
func (r threadRow) Position() hmstype.Position {
	return hmstype.Position{At: r.LastMessageAt, ID: r.ID.UUID()}
}

func (r threadRow) thread() Thread {
	return Thread{
		ID: r.ID, Subject: r.Subject, Patient: r.PatientID, Unread: r.Unread, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(), LastMessageAt: r.LastMessageAt.UTC(),
	}
}

type participantRow struct {
	bun.BaseModel `bun:"table:hms.thread_participant,alias:tp"`
	dbx.Tenanted
	ThreadID hmstype.ThreadID `bun:"thread_id,pk"`
	UserID   hmstype.UserID   `bun:"user_id,pk"`
	AddedBy  string
	JoinedAt time.Time
	LeftAt   time.Time `bun:",nullzero"`
	ReadUpTo time.Time `bun:",nullzero"`
}

func (r participantRow) participant() Participant {
	return Participant{User: r.UserID, AddedBy: r.AddedBy, JoinedAt: r.JoinedAt.UTC(), ReadUpTo: r.ReadUpTo.UTC()}
}

// showThreads gives rows as people read them.
func (s *Service) showThreads(ctx context.Context, db dbx.DB, allowed bool, rows ...threadRow) ([]Thread, error) {
	list, entries := make([]Thread, len(rows)), make([]shown, len(rows))
	for i, r := range rows {
		list[i] = r.thread()
		entries[i] = shown{patient: r.PatientID, subject: r.SealedFor, row: r.ID, withheld: &list[i].Withheld,
			texts: []fieldcrypt.Part{{Field: fieldThreadSubject, Text: &list[i].Subject}}}
	}
	return list, s.show(ctx, db, allowed, entries...)
}

// participants gives who takes part in a thread now.
func participants(ctx context.Context, db dbx.DB, thread hmstype.ThreadID) ([]participantRow, error) {
	return dbx.All[participantRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("tp.thread_id = ?", thread).Where("tp.left_at IS NULL").Order("tp.joined_at", "tp.user_id")
	})
}

// takesPart tells whether the actor takes part in a thread now.
func takesPart(ctx context.Context, db dbx.DB, thread hmstype.ThreadID) (bool, error) {
	return dbx.Exists[participantRow](ctx, db, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("tp.thread_id = ?", thread).Where("tp.user_id = ?", db.Actor.User).Where("tp.left_at IS NULL")
	})
}

// ownThread reads a thread in which the actor takes part, locked for a deed: messages and
// comings and goings of one thread take turns. To all others it is not found.
func ownThread(ctx context.Context, db dbx.DB, id hmstype.ThreadID) (threadRow, error) {
	row, err := dbx.Get[threadRow](ctx, db, "thread", id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	is, err := takesPart(ctx, db, id)
	if err == nil && !is {
		err = hmstype.NotFound("thread", id)
	}
	return row, err
}

// readableThread reads a thread for somebody who takes part, or for somebody who may read
// clinical records where it is about a patient, and records the read of that patient's data,
// which the database refuses where the record is restricted. To all others it is not found.
func readableThread(ctx context.Context, db dbx.DB, id hmstype.ThreadID, clinical bool) (threadRow, error) {
	row, err := dbx.Get[threadRow](ctx, db, "thread", id, withUnread(db))
	if err != nil {
		return row, err
	}
	if row.PatientID.IsZero() || !clinical {
		is, err := takesPart(ctx, db, id)
		if err != nil {
			return threadRow{}, err
		}
		if !is {
			return threadRow{}, hmstype.NotFound("thread", id)
		}
	}
	err = db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "message_thread", ID: id.String(), Patient: row.PatientID})
	return row, err
}

// withUnread counts the messages of others that the actor has not read; nothing is unread for
// who does not take part.
func withUnread(db dbx.DB) dbx.Apply {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.ColumnExpr("mt.*").ColumnExpr(`(SELECT count(*) FROM hms.thread_participant AS me
			JOIN hms.message AS m ON m.tenant_id = ? AND m.thread_id = me.thread_id AND m.sender_id <> me.user_id
				AND (me.read_up_to IS NULL OR m.sent_at > me.read_up_to)
			WHERE me.tenant_id = ? AND me.thread_id = mt.id AND me.user_id = ? AND me.left_at IS NULL) AS unread`,
			db.Tenant(), db.Tenant(), db.Actor.User)
	}
}
