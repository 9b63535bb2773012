package inbox

import (
	"context"
	"fmt"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// maxParticipants bounds who takes part in one thread.
const maxParticipants = 100

// StartThreadInput begins a thread with its first message.
type StartThreadInput struct {
	Subject        string            `json:"subject"` // required, up to 200 characters
	Body           string            `json:"body"`    // required: the first message, up to 10,000 characters
	Patient        hmstype.PatientID `json:"patient"` // whom it is about; zero means nobody
	To             []hmstype.UserID  `json:"to"`      // who takes part beside the actor: up to 99, active
	IdempotencyKey string            `json:"idempotencyKey"`
}

// Validate implements the rules above.
func (in StartThreadInput) Validate() error {
	var v hmstype.Validator
	v.Text(in.Subject, "subject", 1, MaxTitle)
	v.Text(in.Body, "body", 1, MaxText)
	v.Check(len(in.To) < maxParticipants, "to", "must be at most 99")
	for i, user := range in.To[:min(len(in.To), maxParticipants)] {
		path := fmt.Sprintf("to[%d]", i)
		v.Required(!user.IsZero(), path)
		v.Check(!slices.Contains(in.To[:i], user), path, "must not repeat another")
	}
	return v.Err()
}

var opStartThread = usecase.Command[StartThreadInput, Thread]{
	Name: "inbox.start_thread", Permission: hmstype.PermMessageWrite, Shows: threads.One(),
	Key:    func(in StartThreadInput) string { return in.IdempotencyKey },
	Again:  usecase.ReadAgain(func(t Thread) hmstype.ThreadID { return t.ID }, getOwnThread),
	Sample: StartThreadInput{Subject: "The night shift", Body: "Who has the keys?"},
}.Declare()

// StartThread begins a thread between the actor and others. Whoever takes part reads all of
// it, whatever his permissions are, unless the patient's record is restricted: so choose with
// care whom to ask. An unknown user or patient is not found, [ErrUserInactive] for one who
// cannot answer.
// Permission: [hmstype.PermMessageWrite].
func (s *Service) StartThread(ctx context.Context, in StartThreadInput) (Thread, error) {
	return opStartThread.Run(ctx, &s.base, in, s.startThread)
}

func (s *Service) startThread(ctx context.Context, db dbx.DB, in StartThreadInput) (Thread, error) {
	if err := requireUser(db); err != nil {
		return Thread{}, err
	}
	if err := s.requireKnown(ctx, db, in.Patient); err != nil {
		return Thread{}, err
	}
	users := []hmstype.UserID{db.Actor.User}
	for _, user := range in.To {
		if user != db.Actor.User {
			users = append(users, user)
		}
	}
	if err := requireActive(ctx, db, users...); err != nil {
		return Thread{}, err
	}
	row := threadRow{
		Header: dbx.NewHeader[hmstype.ThreadID](db), Subject: in.Subject,
		PatientID: in.Patient, SealedFor: sealedFor(db, in.Patient), LastMessageAt: db.Now,
	}
	if err := threadSubjects.Seal(ctx, s.base.Crypt, db, row.SealedFor, row.ID, &row.Subject); err != nil {
		return Thread{}, err
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return Thread{}, err
	}
	joining := make([]participantRow, len(users))
	for i, user := range users {
		joining[i] = participantRow{
			Tenanted: row.Tenanted, ThreadID: row.ID, UserID: user, AddedBy: db.By(), JoinedAt: db.Now,
		}
	}
	if err := dbx.Insert(ctx, db, joining...); err != nil {
		return Thread{}, err
	}
	if _, err := s.insertMessage(ctx, db, row, in.Body); err != nil {
		return Thread{}, err
	}
	thread := row.thread()
	for _, p := range joining {
		thread.Participants = append(thread.Participants, p.participant())
	}
	return thread, db.Emit(ctx, threadEvent(eventThreadStarted, row, nil))
}

// threadEvent is what others learn of a thread: ids.
func threadEvent(kind *dbx.EventType, row threadRow, more map[string]any) dbx.Event {
	data := map[string]any{"id": row.ID, "patient": row.PatientID}
	for name, value := range more {
		data[name] = value
	}
	return dbx.Event{Type: kind, ID: row.ID, Data: data}
}
