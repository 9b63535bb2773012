package inbox

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// AddParticipantInput brings a user into a thread.
type AddParticipantInput struct {
	Thread hmstype.ThreadID `json:"thread"` // required
	User   hmstype.UserID   `json:"user"`   // required
}

// Validate implements the rules above.
func (in AddParticipantInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Required(!in.User.IsZero(), "user")
	return v.Err()
}

var opAddParticipant = usecase.Command[AddParticipantInput, Participant]{
	Name: "inbox.add_participant", Permission: hmstype.PermMessageWrite,
	Shows:     usecase.Nobody[Participant]("who takes part, and nothing that was said"),
	MayBeIdle: "who takes part already stays as he is", Sample: AddParticipantInput{},
}.Declare()

// AddParticipant brings an active user into a thread in which the actor takes part, also one who
// left it before. He reads all of it. Who takes part already stays as he is. [ErrUserInactive]
// for one who cannot answer; to others than participants the thread is not found.
// Permission: [hmstype.PermMessageWrite].
func (s *Service) AddParticipant(ctx context.Context, in AddParticipantInput) (Participant, error) {
	return opAddParticipant.Run(ctx, &s.base, in, addParticipant)
}

func addParticipant(ctx context.Context, db dbx.DB, in AddParticipantInput) (Participant, error) {
	thread, err := ownThread(ctx, db, in.Thread)
	if err != nil {
		return Participant{}, err
	}
	if err := requireActive(ctx, db, in.User); err != nil {
		return Participant{}, err
	}
	present, err := participants(ctx, db, in.Thread)
	if err != nil {
		return Participant{}, err
	}
	for _, p := range present {
		if p.UserID == in.User {
			return p.participant(), nil
		}
	}
	if len(present) >= maxParticipants {
		return Participant{}, hmstype.Invalid("user", fmt.Sprintf("would be more than %d participants", maxParticipants))
	}
	row := participantRow{
		Tenanted: thread.Tenanted, ThreadID: in.Thread, UserID: in.User, AddedBy: db.By(), JoinedAt: db.Now,
	}
	_, err = db.NewInsert().Model(&row).
		On("CONFLICT (tenant_id, thread_id, user_id) DO UPDATE").
		Set("added_by = excluded.added_by, joined_at = excluded.joined_at, left_at = NULL, read_up_to = NULL").Exec(ctx)
	if err != nil {
		return Participant{}, err
	}
	return row.participant(), db.Emit(ctx, threadEvent(eventParticipantAdded, thread, map[string]any{"user": in.User}))
}

var opLeaveThread = usecase.Command[usecase.ByID[hmstype.ThreadID], usecase.None]{
	Name: "inbox.leave_thread", Permission: hmstype.PermMessageWrite, Shows: usecase.Nobody[usecase.None]("gives nothing"),
}.Declare()

// LeaveThread ends the actor's part in a thread. What he wrote stays, and he reads it no more.
// Permission: [hmstype.PermMessageWrite].
func (s *Service) LeaveThread(ctx context.Context, id hmstype.ThreadID) error {
	_, err := opLeaveThread.Run(ctx, &s.base, usecase.ID(id), leaveThread)
	return err
}

func leaveThread(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ThreadID]) (usecase.None, error) {
	thread, err := ownThread(ctx, db, in.ID)
	if err != nil {
		return usecase.None{}, err
	}
	if err := updateOwn(ctx, db, in.ID, "left_at = greatest(joined_at, ?)", db.Now); err != nil {
		return usecase.None{}, err
	}
	return usecase.None{}, db.Emit(ctx, threadEvent(eventParticipantLeft, thread, map[string]any{"user": db.Actor.User}))
}

// updateOwn changes the actor's own row among the participants of a thread.
func updateOwn(ctx context.Context, db dbx.DB, thread hmstype.ThreadID, set string, args ...any) error {
	_, err := db.NewUpdate().Model((*participantRow)(nil)).Set(set, args...).
		Where("tp.tenant_id = ?", db.Tenant()).Where("tp.thread_id = ?", thread).Where(
		"tp.user_id = ?", db.Actor.User,
	).Exec(ctx)
	return err
}

// MarkThreadReadInput says up to which message the actor has read a thread.
type MarkThreadReadInput struct {
	Thread hmstype.ThreadID `json:"thread"`        // required
	UpTo   time.Time        `json:"upTo,omitzero"` // SentAt of the newest message that he was shown; required
}

// Validate implements the rules above.
func (in MarkThreadReadInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Thread.IsZero(), "thread")
	v.Required(!in.UpTo.IsZero(), "upTo")
	return v.Err()
}

var opMarkThreadRead = usecase.Command[MarkThreadReadInput, int64]{
	Name: "inbox.mark_thread_read", Permission: hmstype.PermMessageRead,
	Shows: usecase.Nobody[int64]("counts only"), MayBeIdle: "the marker never goes back",
	Sample: MarkThreadReadInput{UpTo: usecase.SampleAt},
}.Declare()

// MarkThreadRead moves the actor's marker in a thread on; it never goes back, and never beyond
// the last message. It gives how many messages of others are still unread.
// Permission: [hmstype.PermMessageRead].
func (s *Service) MarkThreadRead(ctx context.Context, in MarkThreadReadInput) (int64, error) {
	return opMarkThreadRead.Run(ctx, &s.base, in, markThreadRead)
}

func markThreadRead(ctx context.Context, db dbx.DB, in MarkThreadReadInput) (int64, error) {
	thread, err := ownThread(ctx, db, in.Thread)
	if err != nil {
		return 0, err
	}
	upTo := hmstype.Instant(in.UpTo)
	if upTo.After(thread.LastMessageAt) {
		upTo = thread.LastMessageAt
	}
	if err := updateOwn(ctx, db, in.Thread, "read_up_to = greatest(read_up_to, ?)", upTo); err != nil {
		return 0, err
	}
	row, err := dbx.Get[threadRow](ctx, db, "message_thread", in.Thread, withUnread(db))
	return row.Unread, err
}

var opCountUnreadThreads = usecase.Query[usecase.None, int64]{
	Name: "inbox.count_unread_threads", Permission: hmstype.PermMessageRead,
	Shows: usecase.Nobody[int64]("counts only"), Quiet: "counts only",
}.Declare()

// CountUnreadThreads counts the threads in which the actor has something to read.
// Permission: [hmstype.PermMessageRead].
func (s *Service) CountUnreadThreads(ctx context.Context) (int64, error) {
	return opCountUnreadThreads.Run(ctx, &s.base, usecase.None{}, unreadThreads)
}

func unreadThreads(ctx context.Context, db dbx.DB, _ usecase.None) (n int64, err error) {
	if err := requireUser(db); err != nil {
		return 0, err
	}
	err = db.QueryRow(ctx, `SELECT count(*) FROM hms.thread_participant AS tp
		WHERE tp.tenant_id = $1 AND tp.user_id = $2 AND tp.left_at IS NULL
		AND EXISTS (SELECT 1 FROM hms.message AS other WHERE other.tenant_id = $1 AND other.thread_id = tp.thread_id
			AND other.sender_id <> tp.user_id AND (tp.read_up_to IS NULL OR other.sent_at > tp.read_up_to))`,
		db.Tenant(), db.Actor.User).Scan(&n)
	return n, err
}
