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

// Message is one message of a thread. It is never changed or removed: what was wrong is put
// right by another.
type Message struct {
	ID       hmstype.MessageID
	Thread   hmstype.ThreadID
	Sender   hmstype.UserID
	Body     string    // empty where Withheld says why
	Withheld Withheld  // why the body is not shown
	SentAt   time.Time // UTC; no two messages of a thread have the same
}

type messageRow struct {
	bun.BaseModel `bun:"table:hms.message,alias:m"`
	dbx.Tenanted
	ID        hmstype.MessageID `bun:"id,pk"`
	ThreadID  hmstype.ThreadID
	SenderID  hmstype.UserID
	Body      string
	PatientID hmstype.PatientID `bun:",nullzero"`
	SealedFor uuid.UUID         `bun:"type:uuid"`
	SentAt    time.Time
}

// Position is the place in the thread.
func (r messageRow) Position() hmstype.Position {
	return hmstype.Position{At: r.SentAt, ID: r.ID.UUID()}
}

func (r messageRow) message() Message {
	return Message{ID: r.ID, Thread: r.ThreadID, Sender: r.SenderID, Body: r.Body, SentAt: r.SentAt.UTC()}
}

// SendMessageInput is a message to a thread.
type SendMessageInput struct {
	Thread         hmstype.ThreadID // required
	Body           string           // required, up to 10,000 characters
	IdempotencyKey string
}

// Validate implements the rules above.
func (in SendMessageInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Text(in.Body, "body", 1, MaxText)
	return v.Err()
}

// SendMessage adds a message to a thread in which the actor takes part and emits
// "inbox.message_sent"; to others the thread is not found. Messages of one thread are sent one
// after the other, each at a later instant than the one before.
func (s *Service) SendMessage(ctx context.Context, in SendMessageInput) (Message, error) {
	op := usecase.Op{Name: "inbox.send_message", Permission: hmstype.PermMessageWrite, Key: in.IdempotencyKey}
	return usecase.Write(ctx, &s.base, op, in, s.sendMessage)
}

func (s *Service) sendMessage(ctx context.Context, db dbx.DB, in SendMessageInput) (Message, error) {
	thread, err := ownThread(ctx, db, in.Thread)
	if err != nil {
		return Message{}, err
	}
	// Where clocks stand still or disagree, the order of the thread's lock counts.
	last := thread.LastMessageAt
	thread.LastMessageAt = db.Now
	if !db.Now.After(last) {
		thread.LastMessageAt = last.Add(time.Microsecond)
	}
	_, err = db.NewUpdate().Model(&thread).Column("last_message_at").WherePK().Exec(ctx)
	if err != nil {
		return Message{}, err
	}
	return s.insertMessage(ctx, db, thread, in.Body)
}

// insertMessage seals and writes a message that is sent at the thread's last instant.
func (s *Service) insertMessage(ctx context.Context, db dbx.DB, thread threadRow, body string) (Message, error) {
	row := messageRow{
		Tenanted: thread.Tenanted, ID: hmstype.NewID[hmstype.MessageID](), ThreadID: thread.ID, SenderID: db.Actor.User, Body: body,
		PatientID: thread.PatientID, SealedFor: thread.SealedFor, SentAt: thread.LastMessageAt,
	}
	if err := s.seal(ctx, db, row.SealedFor, row.ID, fieldcrypt.Part{Field: fieldMessageBody, Text: &row.Body}); err != nil {
		return Message{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Message{}, err
	}
	message := row.message()
	message.Body = body
	return message, db.Emit(ctx, threadEvent("inbox.message_sent", thread, map[string]any{"message": row.ID, "sender": row.SenderID}))
}

// MessagesInput asks for the messages of a thread.
type MessagesInput struct {
	Thread hmstype.ThreadID // required
	Page   hmstype.Page
}

// Validate implements the rules above.
func (in MessagesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Messages lists the messages of a thread, the newest first, and records the read of its
// patient's data. Who may read them is as with [Service.Thread]. It marks nothing as read.
func (s *Service) Messages(ctx context.Context, in MessagesInput) (hmstype.List[Message], error) {
	op := usecase.Op{Name: "inbox.messages", Permission: hmstype.PermMessageRead}
	return widened(ctx, s, op, hmstype.PermClinicalRead, in, s.messages)
}

func (s *Service) messages(ctx context.Context, db dbx.DB, in MessagesInput, clinical bool) (hmstype.List[Message], error) {
	if _, err := readableThread(ctx, db, in.Thread, clinical); err != nil {
		return hmstype.List[Message]{}, err
	}
	rows, next, err := dbx.Page[messageRow](ctx, db, in.Page, dbx.Order{At: "sent_at", Desc: true}, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("m.thread_id = ?", in.Thread)
	})
	if err != nil {
		return hmstype.List[Message]{}, err
	}
	list, entries := hmstype.List[Message]{Next: next, Items: make([]Message, len(rows))}, make([]shown, len(rows))
	for i, r := range rows {
		m := &list.Items[i]
		*m = r.message()
		entries[i] = shown{patient: r.PatientID, subject: r.SealedFor, row: r.ID, withheld: &m.Withheld, texts: []fieldcrypt.Part{{Field: fieldMessageBody, Text: &m.Body}}}
	}
	return list, s.show(ctx, db, true, entries...)
}
