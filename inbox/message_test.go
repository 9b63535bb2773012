package inbox_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// talk starts a thread between an actor and others.
func (b *bundle) talk(t *testing.T, ctx context.Context, p hmstype.PatientID, to ...hmstype.UserID) inbox.Thread {
	t.Helper()
	thread, err := b.StartThread(ctx, inbox.StartThreadInput{
		Subject: "Discharge", Body: "Shall she go home?", Patient: p, To: to,
	})
	require.NoError(t, err)
	return thread
}

func (b *bundle) say(t *testing.T, ctx context.Context, thread hmstype.ThreadID, body string) inbox.Message {
	t.Helper()
	m, err := b.SendMessage(ctx, inbox.SendMessageInput{Thread: thread, Body: body})
	require.NoError(t, err)
	return m
}

func (b *bundle) read(t *testing.T, ctx context.Context, thread hmstype.ThreadID) []string {
	t.Helper()
	list, err := b.ListMessages(ctx, inbox.ListMessagesInput{Thread: thread})
	require.NoError(t, err)
	bodies := make([]string, len(list.Items))
	for i, m := range list.Items {
		bodies[i] = m.Body
	}
	return bodies
}

func TestThread_FromQuestionToAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor, doctorID := b.person(t, identity.RoleDoctor)
	nurse, nurseID := b.person(t, identity.RoleNurse)
	third, thirdID := b.person(t, identity.RoleNurse)
	p := b.patient(t, false)
	in := inbox.StartThreadInput{
		Subject: "Discharge", Body: "Shall she go home?", Patient: p, To: []hmstype.UserID{nurseID, doctorID},
		IdempotencyKey: "k",
	}
	thread, err := b.StartThread(doctor, in)
	require.NoError(t, err)
	again, err := b.StartThread(doctor, in)
	require.NoError(t, err)
	require.Equal(t, thread, again, "one key, one thread")
	require.Len(t, thread.Participants, 2, "the actor once")

	list, err := b.ListThreads(nurse, inbox.ListThreadsInput{Unread: true})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	require.EqualValues(t, 1, list.Items[0].Unread)
	require.Equal(t, "Discharge", list.Items[0].Subject)
	mine, err := b.ListThreads(doctor, inbox.ListThreadsInput{Unread: true})
	require.NoError(t, err)
	require.Empty(t, mine.Items, "one's own words are not unread")

	answer := inbox.SendMessageInput{Thread: thread.ID, Body: "Tomorrow", IdempotencyKey: "k"}
	sent, err := b.SendMessage(nurse, answer)
	require.NoError(t, err)
	twice, err := b.SendMessage(nurse, answer)
	require.NoError(t, err)
	require.Equal(t, sent, twice)
	require.Equal(t, nurseID, sent.Sender)
	require.True(t, sent.SentAt.After(thread.LastMessageAt), "later, although the clock stands still")
	require.Equal(t, []string{"Tomorrow", "Shall she go home?"}, b.read(t, doctor, thread.ID))

	unread := func(ctx context.Context) int64 {
		t.Helper()
		n, err := b.CountUnreadThreads(ctx)
		require.NoError(t, err)
		return n
	}
	require.EqualValues(t, 1, unread(doctor))
	left, err := b.MarkThreadRead(nurse, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: thread.LastMessageAt})
	require.NoError(t, err)
	require.Zero(t, left)
	require.Zero(t, unread(nurse))
	later := b.say(t, doctor, thread.ID, "Good")
	left, err = b.MarkThreadRead(nurse, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: dbtest.Start})
	require.NoError(t, err)
	require.EqualValues(t, 1, left, "the marker does not go back")
	left, err = b.MarkThreadRead(nurse, inbox.MarkThreadReadInput{Thread: thread.ID, UpTo: later.SentAt.Add(time.Hour)})
	require.NoError(t, err)
	require.Zero(t, left)
	b.say(t, doctor, thread.ID, "One more thing")
	require.EqualValues(t, 1, unread(nurse), "nor beyond the last message")

	_, err = b.AddParticipant(nurse, inbox.AddParticipantInput{Thread: thread.ID, User: thirdID})
	require.NoError(t, err)
	require.Len(t, b.read(t, third, thread.ID), 4, "a newcomer reads all of it")
	full, err := b.GetThread(third, thread.ID)
	require.NoError(t, err)
	require.Len(t, full.Participants, 3)
	require.Equal(t, human(nurseID), full.Participants[2].AddedBy)
	require.EqualValues(t, 4, full.Unread)

	require.NoError(t, b.LeaveThread(third, thread.ID))
	require.Zero(t, unread(third))
	_, err = b.SendMessage(third, inbox.SendMessageInput{Thread: thread.ID, Body: "x"})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	require.ErrorIs(t, b.LeaveThread(third, thread.ID), hmstype.ErrNotFound)
	back, err := b.AddParticipant(doctor, inbox.AddParticipantInput{Thread: thread.ID, User: thirdID})
	require.NoError(t, err)
	same, err := b.AddParticipant(doctor, inbox.AddParticipantInput{Thread: thread.ID, User: thirdID})
	require.NoError(t, err)
	require.Equal(t, back, same, "who takes part stays as he is")
	b.requireTold(t, p, thirdID)
}

// requireTold holds what events and trail say of the thread above.
func (b *bundle) requireTold(t *testing.T, p hmstype.PatientID, thirdID hmstype.UserID) {
	t.Helper()
	for kind, n := range map[string]int{
		"thread_started": 1, "message_sent": 4, "participant_added": 2, "participant_left": 1,
	} {
		require.Equal(t, n, b.events(t, "inbox."+kind), kind)
	}
	trail, err := audit.New(b.Base).ListEvents(b.Ctx, audit.ListEventsInput{
		Patient: p, User: thirdID, Actions: []audit.Action{audit.ActionRead},
	})
	require.NoError(t, err)
	require.Len(t, trail.Items, 2, "each reading is a read of the patient's data")
}

// privacy is a thread about nobody, about a patient and about a restricted one, and everybody
// who may want to read them.
type privacy struct {
	open, vip hmstype.PatientID
	member    hmstype.UserID
	threads   map[string]hmstype.ThreadID
	who       map[string]context.Context
}

func (b *bundle) privacy(t *testing.T) privacy {
	t.Helper()
	p := privacy{open: b.patient(t, false), vip: b.patient(t, true), threads: map[string]hmstype.ThreadID{}}
	starter, _ := b.person(t, identity.RoleReceptionist)
	member, memberID := b.person(t, identity.RoleReceptionist) // takes part, holds no clinical.read
	gone, goneID := b.person(t, identity.RoleReceptionist)     // took part
	p.member = memberID
	for name, about := range map[string]hmstype.PatientID{"nobody": {}, "open": p.open, "restricted": p.vip} {
		p.threads[name] = b.talk(t, starter, about, memberID, goneID).ID
		require.NoError(t, b.LeaveThread(gone, p.threads[name]))
	}
	clinician, _ := b.person(t, identity.RoleDoctor)
	admin, _ := b.person(t, identity.RoleAdmin) // holds clinical.read and patient.restricted
	desk, _ := b.person(t, identity.RoleReceptionist)
	glass, _ := b.person(t, identity.RoleDoctor)
	b.glass(t, glass, p.vip)
	p.who = map[string]context.Context{
		"member": member, "clinician": clinician, "admin": admin, "desk": desk, "glass": glass, "gone": gone,
		"host": b.Ctx, "foreign": dbtest.New(t).As(t, identity.RoleAdmin),
	}
	return p
}

// Who may read which thread; and only who takes part may write in it.
func TestThread_Privacy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.privacy(t)
	shown, missing, refused := error(nil), hmstype.ErrNotFound, hmstype.ErrPermissionDenied
	for name, want := range map[string]map[string]error{
		"nobody": {
			"member": shown, "clinician": missing, "admin": missing, "desk": missing, "glass": missing, "gone": missing,
			"host": missing, "foreign": missing,
		},
		"open": {
			"member": shown, "clinician": shown, "admin": shown, "desk": missing, "glass": shown, "gone": missing, "host": shown,
			"foreign": missing,
		},
		"restricted": {
			"member": refused, "clinician": refused, "admin": shown, "desk": missing, "glass": shown, "gone": missing,
			"host": shown, "foreign": missing,
		},
	} {
		require.Len(t, want, len(p.who))
		for reader, wanted := range want {
			t.Run(name+"/"+reader, func(t *testing.T) {
				t.Parallel()
				thread, err := b.GetThread(p.who[reader], p.threads[name])
				messages, readErr := b.ListMessages(p.who[reader], inbox.ListMessagesInput{Thread: p.threads[name]})
				if wanted == nil {
					require.NoError(t, err)
					require.NoError(t, readErr)
					require.Equal(t, "Discharge", thread.Subject)
					require.Equal(t, "Shall she go home?", messages.Items[0].Body)
				} else {
					require.ErrorIs(t, err, wanted)
					require.ErrorIs(t, readErr, wanted)
					require.Empty(t, thread)
					require.Empty(t, messages)
				}
				if reader == "member" {
					return
				}
				_, err = b.SendMessage(p.who[reader], inbox.SendMessageInput{Thread: p.threads[name], Body: "x"})
				require.ErrorIs(t, err, hmstype.ErrNotFound)
				_, err = b.AddParticipant(p.who[reader], inbox.AddParticipantInput{Thread: p.threads[name], User: p.member})
				require.ErrorIs(t, err, hmstype.ErrNotFound)
				_, err = b.MarkThreadRead(p.who[reader], inbox.MarkThreadReadInput{Thread: p.threads[name], UpTo: dbtest.Start})
				require.ErrorIs(t, err, hmstype.ErrNotFound)
			})
		}
	}
}

func TestThread_PrivacyOfLists(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.privacy(t)
	list, err := b.ListThreads(p.who["member"], inbox.ListThreadsInput{})
	require.NoError(t, err)
	require.Len(t, list.Items, 3)
	for _, thread := range list.Items {
		if thread.Patient == p.vip {
			require.True(t, thread.Withheld)
			require.Empty(t, thread.Subject)
		} else {
			require.Equal(t, "Discharge", thread.Subject)
		}
	}
	list, err = b.ListThreads(p.who["gone"], inbox.ListThreadsInput{})
	require.NoError(t, err)
	require.Empty(t, list.Items)

	list, err = b.ListPatientThreads(p.who["clinician"], inbox.ListPatientThreadsInput{Patient: p.open})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	_, err = b.ListPatientThreads(p.who["clinician"], inbox.ListPatientThreadsInput{Patient: p.vip})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.ListPatientThreads(p.who["member"], inbox.ListPatientThreadsInput{Patient: p.open})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	list, err = b.ListPatientThreads(p.who["admin"], inbox.ListPatientThreadsInput{Patient: p.vip})
	require.NoError(t, err)
	require.Equal(t, "Discharge", list.Items[0].Subject)

	actor, err := hmstype.ActorFrom(p.who["clinician"])
	require.NoError(t, err)
	actor.Scopes = []hmstype.Permission{hmstype.PermMessageRead}
	_, err = b.GetThread(hmstype.WithActor(t.Context(), actor), p.threads["open"])
	require.ErrorIs(t, err, hmstype.ErrNotFound, "an API key's scopes hold for the wider permission too")
}

func TestThread_Refuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor, _ := b.person(t, identity.RoleDoctor)
	other := b.User(t).ID
	locked := b.User(t).ID
	_, err := b.Identity.SetUserStatus(b.Ctx, identity.SetUserStatusInput{ID: locked, Status: identity.UserLocked})
	require.NoError(t, err)
	good := inbox.StartThreadInput{Subject: "s", Body: "b", To: []hmstype.UserID{other}}
	for name, tt := range map[string]struct {
		change func(*inbox.StartThreadInput)
		want   error
	}{
		"NoSubject": {func(in *inbox.StartThreadInput) { in.Subject = "" }, hmstype.ErrInvalid},
		"NoBody":    {func(in *inbox.StartThreadInput) { in.Body = "" }, hmstype.ErrInvalid},
		"LongBody":  {func(in *inbox.StartThreadInput) { in.Body = strings.Repeat("x", 10_001) }, hmstype.ErrInvalid},
		"Twice":     {func(in *inbox.StartThreadInput) { in.To = []hmstype.UserID{other, other} }, hmstype.ErrInvalid},
		"Crowd":     {func(in *inbox.StartThreadInput) { in.To = make([]hmstype.UserID, 100) }, hmstype.ErrInvalid},
		"Locked": {
			func(in *inbox.StartThreadInput) { in.To = []hmstype.UserID{other, locked} }, inbox.ErrUserInactive,
		},
		"Unknown": {
			func(in *inbox.StartThreadInput) { in.To = []hmstype.UserID{hmstype.NewID[hmstype.UserID]()} }, hmstype.ErrNotFound,
		},
		"Foreign": {
			func(in *inbox.StartThreadInput) { in.To = []hmstype.UserID{dbtest.New(t).User(t).ID} }, hmstype.ErrNotFound,
		},
		"UnknownPatient": {
			func(in *inbox.StartThreadInput) { in.Patient = hmstype.NewID[hmstype.PatientID]() }, hmstype.ErrNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := good
			tt.change(&in)
			_, err := b.StartThread(doctor, in)
			require.ErrorIs(t, err, tt.want)
		})
	}
	_, err = b.StartThread(b.Ctx, good)
	require.ErrorIs(t, err, inbox.ErrUserRequired)
	thread := b.talk(t, doctor, hmstype.PatientID{})
	_, err = b.AddParticipant(doctor, inbox.AddParticipantInput{Thread: thread.ID, User: locked})
	require.ErrorIs(t, err, inbox.ErrUserInactive)
}

// Many who write at once: every message is there once, and the instants order them.
func TestSendMessage_ConcurrentOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const writers, each = 8, 5
	ctxs, ids := make([]context.Context, writers), make([]hmstype.UserID, writers)
	for i := range writers {
		ctxs[i], ids[i] = b.person(t, identity.RoleNurse)
	}
	thread := b.talk(t, ctxs[0], b.patient(t, false), ids[1:]...)
	var wg sync.WaitGroup
	for i, ctx := range ctxs {
		wg.Go(func() {
			for n := range each {
				_, err := b.SendMessage(ctx, inbox.SendMessageInput{Thread: thread.ID, Body: fmt.Sprint(i, "/", n)})
				if err != nil {
					t.Errorf("send: %v", err)
				}
			}
		})
	}
	wg.Wait()
	seen := map[string]bool{}
	var before time.Time
	in := inbox.ListMessagesInput{Thread: thread.ID, Page: hmstype.Page{Limit: 7}}
	for {
		list, err := b.ListMessages(ctxs[0], in)
		require.NoError(t, err)
		for _, m := range list.Items {
			require.False(t, seen[m.Body])
			seen[m.Body] = true
			require.True(t, before.IsZero() || m.SentAt.Before(before))
			before = m.SentAt
		}
		if in.Page.Cursor = list.Next; list.Next == "" {
			break
		}
	}
	require.Len(t, seen, writers*each+1)
	full, err := b.GetThread(ctxs[0], thread.ID)
	require.NoError(t, err)
	require.EqualValues(t, (writers-1)*each, full.Unread, "of the others, each once")
}

// TestMessage_Guards tries by SQL, as superuser, what must never be.
func TestMessage_Guards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	doctor, _ := b.person(t, identity.RoleDoctor)
	stranger := b.User(t).ID
	thread := b.talk(t, doctor, b.patient(t, false))
	insert := `INSERT INTO hms.message (tenant_id, id, thread_id, sender_id, body, patient_id, sealed_for, sent_at)
		SELECT tenant_id, gen_random_uuid(), thread_id, `
	from := ` FROM hms.message WHERE thread_id = ?0`
	for name, tt := range map[string]struct{ state, query string }{
		"Changed":      {"HM002", `UPDATE hms.message SET body = 'x' WHERE thread_id = ?0`},
		"Removed":      {"HM002", `DELETE FROM hms.message WHERE thread_id = ?0`},
		"ByAStranger":  {"23503", insert + `?1, body, patient_id, sealed_for, sent_at + interval '1 second'` + from},
		"AtOneInstant": {"23505", insert + `sender_id, body, patient_id, sealed_for, sent_at` + from},
		"OthersKey": {
			"23503", insert + `sender_id, body, patient_id, gen_random_uuid(), sent_at + interval '1 second'` + from,
		},
		"Empty": {"23514", insert + `sender_id, '', patient_id, sealed_for, sent_at + interval '1 second'` + from},
		"LeftBefore": {
			"23514", `UPDATE hms.thread_participant SET left_at = joined_at - interval '1 second' WHERE thread_id = ?0`,
		},
		"RekeyedThread": {"23503", `UPDATE hms.message_thread SET sealed_for = gen_random_uuid() WHERE id = ?0`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.DB.NewRaw(tt.query, thread.ID, stranger).Exec(t.Context())
			require.Equal(t, tt.state, dbx.SQLState(err), "%v", err)
		})
	}
}
