package inbox

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Thread gives a thread with who takes part in it, and records the read of its patient's data.
// It is shown to whoever takes part, and, where it is about a patient, to whoever holds
// clinical.read: what colleagues agree about a patient is part of his record. To all others it
// is not found. A restricted patient's needs patient.restricted or a break-glass grant.
func (s *Service) Thread(ctx context.Context, id hmstype.ThreadID) (Thread, error) {
	op := usecase.Op{Name: "inbox.thread", Permission: hmstype.PermMessageRead}
	return widened(ctx, s, op, hmstype.PermClinicalRead, usecase.ByID[hmstype.ThreadID]{ID: id}, s.thread)
}

func (s *Service) thread(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.ThreadID], clinical bool) (Thread, error) {
	row, err := readableThread(ctx, db, in.ID, clinical)
	if err != nil {
		return Thread{}, err
	}
	list, err := s.showThreads(ctx, db, true, row)
	if err != nil {
		return Thread{}, err
	}
	rows, err := participants(ctx, db, in.ID)
	for _, p := range rows {
		list[0].Participants = append(list[0].Participants, p.participant())
	}
	return list[0], err
}

// ThreadsInput selects from the threads in which the actor takes part.
type ThreadsInput struct {
	Unread bool // only those with a message of another that the actor has not read
	Page   hmstype.Page
}

// Validate checks the page.
func (in ThreadsInput) Validate() error {
	var v hmstype.Validator
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// Threads lists the threads in which the actor takes part, that of the newest message first. A
// thread that gets a message while somebody leafs through moves to the front.
func (s *Service) Threads(ctx context.Context, in ThreadsInput) (hmstype.List[Thread], error) {
	op := usecase.Op{Name: "inbox.threads", Permission: hmstype.PermMessageRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in ThreadsInput) (hmstype.List[Thread], error) {
		if err := requireUser(db); err != nil {
			return hmstype.List[Thread]{}, err
		}
		return s.listThreads(ctx, db, in.Page, func(q *bun.SelectQuery) *bun.SelectQuery {
			if in.Unread {
				q = q.Where(`EXISTS (SELECT 1 FROM hms.message AS other WHERE other.tenant_id = ? AND other.thread_id = mt.id
					AND other.sender_id <> mine.user_id AND (mine.read_up_to IS NULL OR other.sent_at > mine.read_up_to))`, db.Tenant())
			}
			return q.Join("JOIN hms.thread_participant AS mine ON mine.tenant_id = ? AND mine.thread_id = mt.id AND mine.user_id = ? AND mine.left_at IS NULL",
				db.Tenant(), db.Actor.User)
		})
	})
}

// PatientThreadsInput asks for the threads about a patient.
type PatientThreadsInput struct {
	Patient hmstype.PatientID // required
	Page    hmstype.Page
}

// Validate implements the rules above.
func (in PatientThreadsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Patient.IsZero(), "patient")
	v.Nested("", in.Page.Validate())
	return v.Err()
}

// PatientThreads lists all threads about a patient, whoever takes part in them, that of the
// newest message first, and records the read of the patient's data.
func (s *Service) PatientThreads(ctx context.Context, in PatientThreadsInput) (hmstype.List[Thread], error) {
	op := usecase.Op{Name: "inbox.patient_threads", Permission: hmstype.PermClinicalRead}
	return usecase.Read(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in PatientThreadsInput) (hmstype.List[Thread], error) {
		err := db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "message_thread", Patient: in.Patient})
		if err != nil {
			return hmstype.List[Thread]{}, err
		}
		return s.listThreads(ctx, db, in.Page, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Where("mt.patient_id = ?", in.Patient) })
	})
}

// listThreads gives one page and records whose threads were seen.
func (s *Service) listThreads(ctx context.Context, db dbx.DB, page hmstype.Page, which dbx.Apply) (hmstype.List[Thread], error) {
	rows, next, err := dbx.Page[threadRow](ctx, db, page, dbx.Order{At: "last_message_at", Desc: true}, which, withUnread(db))
	if err != nil {
		return hmstype.List[Thread]{}, err
	}
	list := hmstype.List[Thread]{Next: next}
	if list.Items, err = s.showThreads(ctx, db, false, rows...); err != nil {
		return list, err
	}
	patients := make([]hmstype.PatientID, len(rows))
	for i, r := range rows {
		patients[i] = r.PatientID
	}
	return list, db.RecordSearch(ctx, "message_thread", patients...)
}
