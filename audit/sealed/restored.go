package sealed

import (
	"context"
	"fmt"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// SkippedNumbers is a range of numbers that a series left out.
type SkippedNumbers = dbx.SkippedNumbers

// RestoredInput says to which instant the database was taken back, and why.
type RestoredInput struct {
	// To is the instant of the recovery's target, or at which the dump that was restored began, by the old database's
	// clock: what was committed later is lost. Required, not of the future, and not of after what is missing: a witness
	// may have no checkpoint of before it that the database has not.
	To     time.Time `json:"to,omitzero"`
	Reason string    `json:"reason"` // 3 to 1000 characters, no patient's data: witnesses keep it
	// Margin is how many numbers each series leaves out, for those that were given to people after To; up to
	// 1,000,000, zero means 1000. Choose more than the busiest series gives in the time that was lost.
	Margin int64 `json:"margin"`
}

const defaultMargin = 1000

// Validate implements the rules above.
func (in RestoredInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.To.IsZero(), "to")
	v.Text(in.Reason, "reason", 3, 1000)
	v.Check(in.Margin >= 0 && in.Margin <= 1_000_000, "margin", "must lie between 0 and 1000000")
	return v.Err()
}

// RestoredReport tells what [Service.Restored] did.
type RestoredReport struct {
	Restoration proof.Restoration `json:"restoration"`
	Skipped     []SkippedNumbers  `json:"skipped"`  // by series; they stay for ever
	Sealed      SealReport        `json:"sealed"`   // the first step of the log behind it
	WasKnown    bool              `json:"wasKnown"` // the same restore was on record; nothing was skipped again
}

var opRestored = usecase.Command[RestoredInput, RestoredReport]{
	Name: "audit.restored", Permission: hmstype.PermAuditRestore,
	Shows:  usecase.Nobody[RestoredReport]("hashes, and numbers that nobody has"),
	Sample: RestoredInput{To: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC), Reason: "the disk was lost", Margin: 10},
}.Declare()

// Restored records, signed and shown to the witnesses, that the database was restored and that the log goes on from
// where it ended then. Call it for each tenant after a recovery to an instant and after the restore of a dump, before
// people work. Until then VerifyLog says that the log's tail is cut, for nobody can tell a restore from an attack;
// from then on every report names the restore, and what the witnesses had seen of what it lost.
//
// The next numbers of every series that people read (record numbers, orders, specimens, bills, credit notes) are
// left out, so that no number that went out on paper after the instant is given twice; the ranges are on record.
//
// Every witness is asked what it has: where one does not answer nothing is recorded ([hmstype.ErrUnavailable]). A
// restore to the same instant is recorded once. [ErrNoSigner], [ErrInTransaction], [ErrLogDamaged].
// Permission: [hmstype.PermAuditRestore].
func (s *Service) Restored(ctx context.Context, in RestoredInput) (RestoredReport, error) {
	in.To = hmstype.Instant(in.To)
	report, err := opRestored.Run(ctx, &s.base, in, s.restored)
	if err != nil {
		return RestoredReport{}, err
	}
	report.Sealed, err = s.publish(ctx, report.Sealed)
	return report, err
}

func (s *Service) restored(ctx context.Context, db dbx.DB, in RestoredInput) (report RestoredReport, err error) {
	if s.config.Signer == nil {
		return report, ErrNoSigner
	}
	if s.base.DB.IsBound() {
		return report, ErrInTransaction
	}
	if err := db.LockName(ctx, "audit.seal"); err != nil {
		return report, err
	}
	now, err := takeMoment(ctx, db)
	if err != nil {
		return report, err
	}
	s.ids.read(now, s.config.LongestTransaction/128)
	h, err := s.headForRestoration(ctx, db, in, now)
	if err != nil {
		return report, err
	}
	report.Restoration, report.WasKnown = h.keys.restoredTo(in.To)
	if report.WasKnown {
		report.Skipped, err = db.ListSkippedNumbers(ctx)
	} else if report.Restoration.Lost, err = s.lost(ctx, db, h.keys, in.To); err == nil {
		report.Skipped, err = skip(ctx, db, in, now.at)
	}
	if err != nil {
		return report, err
	}
	err = db.AsSealer(ctx, func(ctx context.Context) (err error) {
		if !report.WasKnown {
			if err = s.addRestoration(ctx, db, h, in, &report, now.at); err != nil {
				return err
			}
		}
		report.Sealed, err = s.sealLocked(ctx, db, SealInput{Sweep: true}, now)
		return err
	})
	if err != nil || !report.WasKnown {
		return report, err
	}
	return report, db.RecordAccess(ctx, dbx.Access{
		Action: string(audit.ActionRead), Entity: "audit_record", ID: fmt.Sprint(report.Restoration.Number),
	})
}

// skip leaves out the numbers that may lie outside on paper.
func skip(ctx context.Context, db dbx.DB, in RestoredInput, now time.Time) ([]SkippedNumbers, error) {
	margin := in.Margin
	if margin == 0 {
		margin = defaultMargin
	}
	return db.SkipNumbers(ctx, margin, in.Reason, yearsBetween(in.To, now, db.Now)...)
}

// yearsBetween gives the years of the instants and those between them, wherever on earth.
func yearsBetween(instants ...time.Time) (years []int) {
	first, last := instants[0], instants[0]
	for _, at := range instants {
		if at.Before(first) {
			first = at
		}
		if at.After(last) {
			last = at
		}
	}
	const zones = 14 * time.Hour
	for year := first.UTC().Add(-zones).Year(); year <= last.UTC().Add(zones).Year(); year++ {
		years = append(years, year)
	}
	return years
}

// headForRestoration reads the end of the log as it was restored.
func (s *Service) headForRestoration(ctx context.Context, db dbx.DB, in RestoredInput, now moment) (h head, err error) {
	if in.To.After(now.at) {
		var v hmstype.Validator
		v.Check(false, "to", "must not lie in the future")
		return h, v.Err()
	}
	err = db.AsSealer(ctx, func(ctx context.Context) error {
		h, err = s.head(ctx, db)
		return err
	})
	return h, err
}

// addRestoration writes the record. The first checkpoint that counts it follows.
func (s *Service) addRestoration(
	ctx context.Context, db dbx.DB, h head, in RestoredInput, report *RestoredReport, now time.Time,
) error {
	if _, err := s.addKeys(ctx, db, h, now); err != nil {
		return err
	}
	rows, err := checkpoints(ctx, db, checkpointColumns+` AND sealed_at <= $2 ORDER BY number DESC LIMIT 1`,
		db.Tenant(), in.To)
	if err != nil {
		return err
	}
	r := proof.Restoration{
		Origin: s.config.origin(db.Tenant()), Number: h.keys.count() + 1, RestoredTo: in.To, Reason: in.Reason, Time: now,
		Root: emptyRoot, Lost: report.Restoration.Lost,
	}
	for _, row := range rows {
		r.Checkpoint, r.Size = row.number, row.size
		copy(r.Root[:], row.root)
	}
	for _, n := range report.Skipped {
		r.Skipped = append(r.Skipped, proof.SkippedNumbers{Series: n.Series, First: n.First, Last: n.Last})
	}
	signed, err := r.Sign(s.config.Signer)
	if err != nil {
		return fmt.Errorf("record of a restore: %w", err)
	}
	key, err := h.keys.own(s.config.Signer)
	if err != nil {
		return err
	}
	report.Restoration = r
	return insertRecord(ctx, db, recordRow{r.Number, r.Checkpoint, kindRestored, key, signed})
}

// lost asks every witness for what it has that the database has not. What was sealed before the restored instant must
// be here: [hmstype.ErrInvalid] where it is not, for then that is no restore to the instant, and what lay before would
// be gone unsaid.
func (s *Service) lost(ctx context.Context, db dbx.DB, keys *keyring, to time.Time) (list []proof.LostHead, err error) {
	for _, w := range s.config.Witnesses {
		latest, err := s.seenBy(w, func() (string, error) { return w.Latest(ctx, s.config.origin(db.Tenant())) })
		if err != nil {
			return nil, err
		}
		missing, err := isMissing(ctx, db, latest)
		if err != nil {
			return nil, err
		}
		if missing {
			list = append(list, proof.LostHead{Witness: w.Name(), Size: latest.Size, Root: latest.Root, Time: latest.Time})
		}
		if _, told := keys.loses(latest.Checkpoint); missing && !told && latest.Time.Before(to.Add(-clockStep)) {
			return nil, missesBefore(w, latest.Checkpoint)
		}
		if h, ok := w.(Historian); ok {
			if err := s.requireBefore(ctx, db, keys, h, to); err != nil {
				return nil, err
			}
		}
	}
	return list, nil
}

// requireBefore holds what a witness saw before the restored instant against the log. The newest of it may be missing,
// whose transaction had not ended yet; the one before had, for sealers take turns.
func (s *Service) requireBefore(ctx context.Context, db dbx.DB, keys *keyring, w Historian, to time.Time) error {
	for last := false; ; last = true {
		seen, err := s.seenBy(w, func() (string, error) { return w.Before(ctx, s.config.origin(db.Tenant()), to) })
		if err != nil {
			return err
		}
		missing, err := isMissing(ctx, db, seen)
		if _, told := keys.loses(seen.Checkpoint); err != nil || !missing || told {
			return err
		}
		if last || !seen.Time.Before(to) { // or a witness that does not do what it should
			return missesBefore(w, seen.Checkpoint)
		}
		to = seen.Time
	}
}

// seenBy opens what a witness answers; zero for nothing.
func (s *Service) seenBy(w Witness, ask func() (string, error)) (seen witnessed, err error) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return seen, err
	}
	if seen.note, err = ask(); err != nil {
		return seen, fmt.Errorf("%w: witness %s does not answer: %w", hmstype.ErrUnavailable, w.Name(), err)
	}
	if seen.note == "" {
		return seen, nil
	}
	if seen.Checkpoint, err = proof.OpenCheckpoint(seen.note, verifiers); err != nil {
		return seen, fmt.Errorf("%w: witness %s: %w", hmstype.ErrUnavailable, w.Name(), err)
	}
	return seen, nil
}

// isMissing tells whether what a witness saw is not in the log.
func isMissing(ctx context.Context, db dbx.DB, seen witnessed) (bool, error) {
	if seen.note == "" {
		return false, nil
	}
	_, stands, err := numberOf(ctx, db, seen.Checkpoint, seen.note)
	return !stands, err
}

func missesBefore(w Witness, c proof.Checkpoint) error {
	var v hmstype.Validator
	v.Check(false, "to", fmt.Sprintf("must lie before %s, of which witness %s has a checkpoint that the log has not",
		c.Time.Format(time.RFC3339Nano), w.Name()))
	return v.Err()
}

// restoredTo gives the record of a restore to an instant.
func (k *keyring) restoredTo(at time.Time) (r proof.Restoration, ok bool) {
	for _, r := range k.restorations {
		if r.RestoredTo.Equal(at) {
			return r, true
		}
	}
	return r, false
}

// loses gives the newest restoration that lost a checkpoint.
func (k *keyring) loses(c proof.Checkpoint) (r proof.Restoration, ok bool) {
	for _, restoration := range k.restorations {
		if restoration.Loses(c) {
			r, ok = restoration, true
		}
	}
	return r, ok
}

// maxLost bounds how many lost checkpoints are stepped over to find the newest of a witness's that still stands.
const maxLost = 100_000

// standingBefore gives the newest checkpoint of before an instant that a witness has and that is in the database; an
// empty note where there is none.
func (s *Service) standingBefore(ctx context.Context, db dbx.DB, w Historian, at time.Time) (
	c proof.Checkpoint, signed string, err error,
) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return c, "", err
	}
	for range maxLost {
		signed, err = w.Before(ctx, s.config.origin(db.Tenant()), at)
		if err != nil || signed == "" {
			return proof.Checkpoint{}, "", err
		}
		if c, err = proof.OpenCheckpoint(signed, verifiers); err != nil {
			return c, "", err
		}
		_, stands, err := numberOf(ctx, db, c, signed)
		if err != nil || stands {
			return c, signed, err
		}
		if !c.Time.Before(at) { // a witness that does not do what it should
			break
		}
		at = c.Time
	}
	return proof.Checkpoint{}, "", ErrForked
}

var opListRestorations = usecase.Query[usecase.None, Restorations]{
	Name: "audit.list_restorations", Permission: hmstype.PermAuditVerify,
	Shows: usecase.Nobody[Restorations]("hashes, and numbers that nobody has"),
	Quiet: "what the signed log says of itself",
}.Declare()

// Restorations is what [Service.ListRestorations] gives.
type Restorations struct {
	List    []proof.Restoration `json:"list"`    // as signed, oldest first
	Skipped []SkippedNumbers    `json:"skipped"` // by series and number
}

// ListRestorations gives every restore that the log knows of, and the numbers that were left out after them. A record
// that is not what was signed is left out, and a finding of [Service.VerifyLog].
// Permission: [hmstype.PermAuditVerify].
func (s *Service) ListRestorations(ctx context.Context) (Restorations, error) {
	return opListRestorations.Run(ctx, &s.base, usecase.None{},
		func(ctx context.Context, db dbx.DB, _ usecase.None) (list Restorations, err error) {
			ring, err := s.keys(ctx, db)
			if err != nil {
				return list, err
			}
			list.List = ring.restorations
			list.Skipped, err = db.ListSkippedNumbers(ctx)
			return list, err
		})
}
