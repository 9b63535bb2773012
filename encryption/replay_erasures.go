package encryption

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PublishReport tells what [Service.PublishErasures] did.
type PublishReport struct {
	Erasures int `json:"erasures"` // that the database has
	Told     int `json:"told"`     // of them, those that the ledger did not have yet
}

var opPublishErasures = usecase.Command[usecase.None, PublishReport]{
	Name: "encryption.publish_erasures", Permission: hmstype.PermErase,
	Shows: usecase.Nobody[PublishReport]("counts only"), Quiet: "the ledger is its own record",
}.Declare()

// PublishErasures tells the ledger of every erasure that it has not got: of those that happened in a transaction
// of the host's, or while the ledger could not be reached. A scheduler calls it daily, and before a backup is
// restored. [ErrNoLedger], [ErrLedger], [ErrInTransaction].
// Permission: [hmstype.PermErase].
func (s *Service) PublishErasures(ctx context.Context) (PublishReport, error) {
	var erased erasedHere
	report, err := opPublishErasures.Run(ctx, &s.base, usecase.None{},
		func(ctx context.Context, db dbx.DB, _ usecase.None) (r PublishReport, err error) {
			erased, err = s.allErasures(ctx, db)
			return PublishReport{Erasures: len(erased.list)}, err
		})
	if err != nil {
		return report, err
	}
	known, err := s.config.entries(ctx, erased.tenant)
	if err != nil {
		return report, err
	}
	for _, e := range erased.list {
		if _, ok := known[e.Patient]; ok {
			continue
		}
		if err := s.config.append(ctx, erased.tenant, e); err != nil {
			return report, err
		}
		report.Told++
	}
	return report, nil
}

// erasedHere is what the database says of a tenant's erasures.
type erasedHere struct {
	tenant  hmstype.TenantID
	list    []Erasure
	revived map[hmstype.PatientID]bool // of them, those of whom a key is there again
}

func (s *Service) allErasures(ctx context.Context, db dbx.DB) (erasedHere, error) {
	switch {
	case s.config.Ledger == nil:
		return erasedHere{}, ErrNoLedger
	case s.base.DB.IsBound():
		return erasedHere{}, ErrInTransaction
	}
	rows, err := dbx.All[erasureRow](ctx, db)
	erased := erasedHere{tenant: db.Tenant(), list: make([]Erasure, len(rows))}
	for i, r := range rows {
		erased.list[i] = r.erasure()
	}
	if err == nil {
		erased.revived, err = revived(ctx, db)
	}
	return erased, err
}

// ReplayReport tells what [Service.ReplayErasures] did.
type ReplayReport struct {
	Entries  int `json:"entries"`  // patients whom the ledger names
	Standing int `json:"standing"` // of them, those who were erased in this database already
	Replayed int `json:"replayed"` // those who are erased again now
	// those whom this database does not know: they were registered after the instant to which it was restored
	Unknown int `json:"unknown"`
	// those under a legal hold, which nobody can erase: release the hold and replay again
	Held []hmstype.PatientID `json:"held"`
}

var opReplayErasures = usecase.Command[usecase.None, ReplayReport]{
	Name: "encryption.replay_erasures", Permission: hmstype.PermErase,
	Shows: usecase.Nobody[ReplayReport]("counts, and ids of those under a hold"),
	Quiet: "each erasure leaves an event of its own",
}.Declare()

// ReplayErasures erases again, after a restore, whoever was erased since the backup: each patient whom the ledger
// names and who is not erased in this database, and also who is, but whose keys somebody put back. Call it for each
// tenant before people work; to call it again is no error. Where the ledger cannot be read as a whole nothing is done.
// [ErrNoLedger], [ErrLedger], [ErrInTransaction], [ErrOff].
// Permission: [hmstype.PermErase].
func (s *Service) ReplayErasures(ctx context.Context) (ReplayReport, error) {
	var erased erasedHere
	report, err := opReplayErasures.Run(ctx, &s.base, usecase.None{},
		func(ctx context.Context, db dbx.DB, _ usecase.None) (r ReplayReport, err error) {
			erased, err = s.allErasures(ctx, db)
			return r, err
		})
	if err != nil {
		return report, err
	}
	entries, err := s.config.entries(ctx, erased.tenant)
	if err != nil {
		return report, err
	}
	report.Entries = len(entries)
	for _, e := range erased.list {
		_, known := entries[e.Patient]
		switch {
		case erased.revived[e.Patient]:
			entries[e.Patient] = proof.Erasure{Basis: e.Basis, ErasedAt: e.ErasedAt}
		case known:
			report.Standing++
			delete(entries, e.Patient)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(entries), func(a, b hmstype.PatientID) int {
		return cmp.Or(entries[a].ErasedAt.Compare(entries[b].ErasedAt), strings.Compare(a.String(), b.String()))
	}) {
		e := entries[id]
		_, err := opErase.Run(ctx, &s.base, EraseInput{Patient: id, ErasureDetails: ErasureDetails{
			Basis: e.Basis, Reason: "erased on " + e.ErasedAt.Format(time.DateOnly) + ", and again after a restore",
		}}, s.erase)
		switch {
		case err == nil:
			report.Replayed++
		case errors.Is(err, hmstype.ErrNotFound):
			report.Unknown++
		case errors.Is(err, ErrHeld):
			report.Held = append(report.Held, id)
		default:
			return report, err
		}
	}
	return report, nil
}
