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
	ID        hmstype.MessageID `json:"id"`
	Thread    hmstype.ThreadID  `json:"thread"`
	Sender    hmstype.UserID    `json:"sender"`
	Body      string            `json:"body"`
	Patient   hmstype.PatientID `json:"patient"`         // whom the thread is about; zero means nobody
	SealedFor uuid.UUID         `json:"sealedFor"`       // whose key seals the body: the patient's, or the tenant's
	SentAt    time.Time         `json:"sentAt,omitzero"` // UTC; no two messages of a thread have the same
	// Erased says that the key that sealed the body was destroyed, and with it the text.
	Erased bool `json:"erased,omitempty"`
	// Withheld says that the patient's record is restricted and the actor may not see it: the body is
	// left out.
	Withheld bool `json:"withheld,omitempty"`
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

// messages is what every use case that shows messages shows of whom.
var messages = usecase.Entity[Message]{
	Table:   "message",
	Patient: func(m *Message) hmstype.PatientID { return m.Patient },
	ID:      func(m *Message) string { return m.ID.String() },
	Texts: func(m *Message) []fieldcrypt.Record {
		return []fieldcrypt.Record{erasable(messageBodies.Of(m.SealedFor, m.ID, &m.Body), &m.Erased)}
	},
}

// Position is the place in the thread.
func (r messageRow) Position() hmstype.Position {
	return hmstype.Position{At: r.SentAt, ID: r.ID.UUID()}
}

func (r messageRow) message() Message {
	return Message{
		ID: r.ID, Thread: r.ThreadID, Sender: r.SenderID, Body: r.Body, Patient: r.PatientID, SealedFor: r.SealedFor,
		SentAt: r.SentAt.UTC(),
	}
}

// SendMessageInput is a message to a thread.
type SendMessageInput struct {
	Thread         hmstype.ThreadID `json:"thread"` // required
	Body           string           `json:"body"`   // required, up to 10,000 characters
	IdempotencyKey string           `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in SendMessageInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Text(in.Body, "body", 1, MaxText)
	return v.Err()
}

var opSendMessage = usecase.Command[SendMessageInput, Message]{
	Name: "inbox.send_message", Permission: hmstype.PermMessageWrite, Shows: messages.One(),
	Key:    func(in SendMessageInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(m Message) hmstype.MessageID { return m.ID }, getMessage),
	Sample: SendMessageInput{Body: "I have them."},
}.Declare()

// SendMessage adds a message to a thread in which the actor takes part and emits
// eventMessageSent; to others the thread is not found. Messages of one thread are sent one
// after the other, each at a later instant than the one before.
// Permission: [hmstype.PermMessageWrite].
func (s *Service) SendMessage(ctx context.Context, in SendMessageInput) (Message, error) {
	return opSendMessage.Run(ctx, &s.base, in, s.sendMessage)
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
	if err := dbx.Update(ctx, db, &thread, "last_message_at"); err != nil {
		return Message{}, err
	}
	return s.insertMessage(ctx, db, thread, in.Body)
}

// insertMessage seals and writes a message that is sent at the thread's last instant.
func (s *Service) insertMessage(ctx context.Context, db dbx.DB, thread threadRow, body string) (Message, error) {
	row := messageRow{
		Tenanted: thread.Tenanted, ID: hmstype.NewID[hmstype.MessageID](), ThreadID: thread.ID, SenderID: db.Actor.User,
		Body:      body,
		PatientID: thread.PatientID, SealedFor: thread.SealedFor, SentAt: thread.LastMessageAt,
	}
	if err := messageBodies.Seal(ctx, s.base.Crypt, db, row.SealedFor, row.ID, &row.Body); err != nil {
		return Message{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Message{}, err
	}
	return row.message(), db.Emit(
		ctx, threadEvent(eventMessageSent, thread, map[string]any{"message": row.ID, "sender": row.SenderID}),
	)
}

// getMessage gives a message of a thread in which the actor takes part.
func getMessage(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.MessageID]) (Message, error) {
	row, err := dbx.Get[messageRow](ctx, db, "message", in.ID)
	if err != nil {
		return Message{}, err
	}
	_, err = readableThread(ctx, db, row.ThreadID, false)
	return row.message(), err
}

// ListMessagesInput asks for the messages of a thread.
type ListMessagesInput struct {
	Thread hmstype.ThreadID `json:"thread"` // required
	Page   hmstype.Page     `json:"page"`
}

// Validate implements the rules above.
func (in ListMessagesInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListMessages = usecase.Query[ListMessagesInput, hmstype.List[Message]]{
	Name: "inbox.list_messages", Permission: hmstype.PermMessageRead, Shows: messages.Page(), Sample: ListMessagesInput{},
}.Declare()

// ListMessages lists the messages of a thread, the newest first, and records the read of its
// patient's data. Who may read them is as with [Service.GetThread]. It marks nothing as read.
// Permission: [hmstype.PermMessageRead].
func (s *Service) ListMessages(ctx context.Context, in ListMessagesInput) (hmstype.List[Message], error) {
	return opListMessages.Run(ctx, &s.base, in, widened(ctx, s, hmstype.PermClinicalRead, listMessages))
}

func listMessages(ctx context.Context, db dbx.DB, in ListMessagesInput, clinical bool) (hmstype.List[Message], error) {
	thread, err := readableThread(ctx, db, in.Thread, clinical)
	if err != nil {
		return hmstype.List[Message]{}, err
	}
	db.About(thread.PatientID)
	return dbx.List(
		ctx, db, in.Page, dbx.Order{At: "sent_at", Desc: true}, messageRow.message, dbx.Equal("thread_id", in.Thread),
	)
}
