package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opGetThread = usecase.Query[usecase.ByID[hmstype.ThreadID], Thread]{
	Name: "inbox.get_thread", Permission: hmstype.PermMessageRead, Shows: threads.One(),
}.Declare()

// GetThread gives a thread with who takes part in it, and records the read of its patient's data.
// It is shown to whoever takes part, and, where it is about a patient, to whoever holds
// clinical.read: what colleagues agree about a patient is part of his record. To all others it
// is not found. A restricted patient's needs patient.restricted or a break-glass grant.
// Permission: [hmstype.PermMessageRead].
func (s *Service) GetThread(ctx context.Context, id hmstype.ThreadID) (Thread, error) {
	return opGetThread.Run(ctx, &s.base, usecase.ID(id), widened(ctx, s, hmstype.PermClinicalRead, getThread))
}

func getThread(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ThreadID], clinical bool) (Thread, error) {
	row, err := readableThread(ctx, db, in.ID, clinical)
	if err != nil {
		return Thread{}, err
	}
	thread := row.thread()
	rows, err := participants(ctx, db, in.ID)
	for _, p := range rows {
		thread.Participants = append(thread.Participants, p.participant())
	}
	return thread, err
}

// getOwnThread gives a thread in which the actor takes part.
func getOwnThread(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ThreadID]) (Thread, error) {
	return getThread(ctx, db, in, false)
}

// ListThreadsInput selects from the threads in which the actor takes part.
type ListThreadsInput struct {
	Unread bool         `json:"unread"` // only those with a message of another that the actor has not read
	Page   hmstype.Page `json:"page"`
}

// Validate checks the page.
func (in ListThreadsInput) Validate() error {
	var v hmstype.Validator
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListThreads = usecase.Query[ListThreadsInput, hmstype.List[Thread]]{
	Name: "inbox.list_threads", Permission: hmstype.PermMessageRead, Shows: threads.Found(),
	Sample: ListThreadsInput{Unread: true},
}.Declare()

// ListThreads lists the threads in which the actor takes part, that of the newest message first. A
// thread that gets a message while somebody leafs through moves to the front.
// Permission: [hmstype.PermMessageRead].
func (s *Service) ListThreads(ctx context.Context, in ListThreadsInput) (hmstype.List[Thread], error) {
	return opListThreads.Run(ctx, &s.base, in, ownThreads)
}

func ownThreads(ctx context.Context, db dbx.DB, in ListThreadsInput) (hmstype.List[Thread], error) {
	if err := requireUser(db); err != nil {
		return hmstype.List[Thread]{}, err
	}
	mine := func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Join(`JOIN hms.thread_participant AS mine ON mine.tenant_id = ? AND mine.thread_id = mt.id
			AND mine.user_id = ? AND mine.left_at IS NULL`, db.Tenant(), db.Actor.User)
	}
	return listThreads(ctx, db, in.Page, mine, dbx.When(in.Unread, dbx.Where(`EXISTS (SELECT 1 FROM hms.message AS other
		WHERE other.tenant_id = ? AND other.thread_id = mt.id AND other.sender_id <> mine.user_id
		AND (mine.read_up_to IS NULL OR other.sent_at > mine.read_up_to))`, db.Tenant())))
}

// ListPatientThreadsInput asks for the threads about a patient.
type ListPatientThreadsInput struct {
	Patient hmstype.PatientID `json:"patient"` // required
	Page    hmstype.Page      `json:"page"`
}

// Validate implements the rules above.
func (in ListPatientThreadsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

var opListPatientThreads = usecase.Query[ListPatientThreadsInput, hmstype.List[Thread]]{
	Name: "inbox.list_patient_threads", Permission: hmstype.PermClinicalRead, Shows: threads.Page(),
	Sample: ListPatientThreadsInput{},
}.Declare()

// ListPatientThreads lists all threads about a patient, whoever takes part in them, that of the
// newest message first, and records the read of the patient's data.
// Permission: [hmstype.PermClinicalRead].
func (s *Service) ListPatientThreads(ctx context.Context, in ListPatientThreadsInput) (hmstype.List[Thread], error) {
	return opListPatientThreads.Run(ctx, &s.base, in, patientThreads)
}

func patientThreads(ctx context.Context, db dbx.DB, in ListPatientThreadsInput) (hmstype.List[Thread], error) {
	db.About(in.Patient)
	return listThreads(ctx, db, in.Page, dbx.Equal("patient_id", in.Patient))
}

func listThreads(ctx context.Context, db dbx.DB, page hmstype.Page, which ...dbx.Apply) (hmstype.List[Thread], error) {
	return dbx.List(
		ctx, db, page, dbx.Order{At: "last_message_at", Desc: true}, threadRow.thread, append(which, withUnread(db))...,
	)
}
