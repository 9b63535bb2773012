package sealed

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/linefile"
)

// Publication is what a witness is told: a checkpoint, and the proof that its log extends the
// one of the witness's latest.
type Publication struct {
	Origin  string `json:"origin"`
	Note    string `json:"note"`    // the signed checkpoint
	OldSize int64  `json:"oldSize"` // of the witness's latest checkpoint; zero where it has none
	// Restoration is the signed record of the restore that lost the witness's latest checkpoint (proof.Restoration);
	// empty otherwise. OldSize is then that of the newest checkpoint of before the restore that the witness has, zero
	// where it has none; for a witness that is no [Historian] that of the record.
	Restoration string `json:"restoration,omitempty"`
	// from OldSize to the checkpoint's size; empty where they are equal or OldSize is zero
	Proof tlog.TreeProof `json:"proof"`
}

// Witness remembers checkpoints where nobody who can write to the database can. At least one
// should lie in other hands: a write-once store, another firm's server, a printer.
type Witness interface {
	// Name tells witnesses apart in reports.
	Name() string
	// Latest gives the signed note of the last publication of a log, empty where there is none.
	Latest(ctx context.Context, origin string) (string, error)
	// Publish takes a checkpoint that extends the latest, or comes with the signed record of a restore that lost it, and
	// must refuse any other.
	Publish(ctx context.Context, publication Publication) error
}

// publish tells every witness of the newest checkpoint. A witness that has seen it already
// is left alone.
func (s *Service) publish(ctx context.Context, report SealReport) (SealReport, error) {
	if report.Failed == nil {
		report.Failed = map[string]error{}
	}
	for _, w := range s.config.Witnesses {
		if err := s.publishTo(ctx, w, report); err != nil {
			report.Failed[w.Name()] = err
			s.base.Log.Error().Str("op", "audit.seal").Str("witness", w.Name()).Msg("checkpoint not witnessed")
			continue
		}
		report.Witnessed = append(report.Witnessed, w.Name())
	}
	return report, nil
}

// tellAttempts is how often a witness is told anew because another process told it something meanwhile.
const tellAttempts = 3

// publishTo tells one witness. Several processes may do so at once, and in any order: who has a newer checkpoint of
// this log needs no older one.
func (s *Service) publishTo(ctx context.Context, w Witness, report SealReport) error {
	latest, err := w.Latest(ctx, report.Checkpoint.Origin)
	for attempt := 1; err == nil; attempt++ {
		p, known, err := s.publication(ctx, w, report, latest)
		if err != nil || known {
			return err
		}
		told := w.Publish(ctx, p)
		if told == nil || attempt == tellAttempts {
			return told
		}
		before := latest
		if latest, err = w.Latest(ctx, report.Checkpoint.Origin); err != nil || latest == before {
			return told
		}
	}
	return err
}

// publication gives what a witness is told of a checkpoint; known says that it has that one, or a newer one of the log.
func (s *Service) publication(ctx context.Context, w Witness, report SealReport, latest string) (
	p Publication, known bool, err error,
) {
	p.Origin = report.Checkpoint.Origin
	err = s.base.DB.InTx(ctx, "audit.publish", func(ctx context.Context, db dbx.DB) error {
		rows, err := checkpoints(ctx, db, checkpointColumns+` AND number = $2`, db.Tenant(), report.Number)
		if err != nil || len(rows) != 1 {
			return errors.Join(ErrLogDamaged, err)
		}
		p.Note = rows[0].note
		if known = latest == p.Note; known || latest == "" {
			return nil
		}
		known, err = s.buildOn(ctx, db, w, latest, report.Number, &p)
		if err != nil || known {
			return err
		}
		if p.OldSize > report.Checkpoint.Size { // a log that was cut, or restored and not said to be: see [Service.Restored]
			return ErrForked
		}
		if p.OldSize > 0 && p.OldSize < report.Checkpoint.Size {
			p.Proof, err = tlog.ProveTree(report.Checkpoint.Size, p.OldSize, newTree(ctx, db, report.Checkpoint.Size))
		}
		return err
	})
	return p, known, err
}

// buildOn finds what a publication extends: the witness's latest, or, where a restore lost that, what the witness has
// of before the restore. newer says that the witness's latest is one that the log has behind the checkpoint.
func (s *Service) buildOn(ctx context.Context, db dbx.DB, w Witness, latest string, number int64, p *Publication) (
	newer bool, err error,
) {
	verifiers, err := s.config.verifiers()
	if err != nil {
		return false, err
	}
	old, err := proof.OpenCheckpoint(latest, verifiers)
	if err != nil {
		return false, err
	}
	p.OldSize = old.Size
	at, stands, err := numberOf(ctx, db, old, latest)
	if err != nil || stands {
		return at > number, err
	}
	ring, err := s.keys(ctx, db)
	if err != nil {
		return false, err
	}
	restoration, lost := ring.loses(old)
	if !lost {
		return false, nil
	}
	err = db.QueryRow(ctx, `SELECT note FROM hms.audit_record WHERE tenant_id = $1 AND number = $2`,
		db.Tenant(), restoration.Number).Scan(&p.Restoration)
	if err != nil {
		return false, err
	}
	p.OldSize = restoration.Size
	if h, ok := w.(Historian); ok {
		before, _, err := s.standingBefore(ctx, db, h, restoration.RestoredTo)
		p.OldSize = before.Size
		return false, err
	}
	return false, nil
}

// CheckPublication holds a publication against a witness's latest note; every witness should
// call it before it remembers anything. One that comes with the record of a restore must name the latest note among
// what it lost; a witness that remembers more than its latest note calls [CheckRestoration].
// [ErrForked], proof.ErrCheckpoint, proof.ErrRestoration.
func CheckPublication(p Publication, latest string, verifiers note.Verifiers) error {
	if p.Restoration != "" {
		return checkRestored(p, latest, func(r proof.Restoration) (size int64, root tlog.Hash, err error) {
			return r.Size, r.Root, nil
		}, verifiers)
	}
	next, err := proof.OpenCheckpoint(p.Note, verifiers)
	if err != nil {
		return err
	}
	if next.Origin != p.Origin {
		return proof.ErrCheckpoint
	}
	if latest == "" {
		return nil
	}
	old, err := proof.OpenCheckpoint(latest, verifiers)
	if err != nil {
		return err
	}
	switch {
	case old.Origin != next.Origin, old.Size != p.OldSize, next.Time.Before(old.Time):
		return ErrForked
	}
	return checkExtends(p, next, old.Size, old.Root)
}

// CheckRestoration is [CheckPublication] for a publication with the record of a restore. before is the newest note of
// the witness's own whose checkpoint has the publication's OldSize and is not of after the restored instant; empty
// where OldSize is zero or the witness has none.
func CheckRestoration(p Publication, latest, before string, verifiers note.Verifiers) error {
	return checkRestored(p, latest, func(r proof.Restoration) (size int64, root tlog.Hash, err error) {
		if before == "" && p.OldSize == 0 {
			return 0, root, nil
		}
		old, err := proof.OpenCheckpoint(before, verifiers)
		if err == nil && (old.Origin != p.Origin || old.Time.After(r.RestoredTo)) {
			err = ErrForked
		}
		return old.Size, old.Root, err
	}, verifiers)
}

func checkRestored(p Publication, latest string, base func(proof.Restoration) (int64, tlog.Hash, error),
	verifiers note.Verifiers,
) error {
	next, err := proof.OpenCheckpoint(p.Note, verifiers)
	if err != nil {
		return err
	}
	r, err := proof.OpenRestoration(p.Restoration, verifiers)
	if err != nil {
		return err
	}
	old, err := proof.OpenCheckpoint(latest, verifiers)
	if err != nil {
		return err
	}
	size, root, err := base(r)
	if err != nil {
		return err
	}
	switch {
	case next.Origin != p.Origin, old.Origin != p.Origin, !r.Loses(old), size != p.OldSize, size > r.Size:
		return ErrForked
	case next.Size < r.Size, next.Time.Before(r.Time), next.Records < r.Number:
		return ErrForked
	}
	return checkExtends(p, next, size, root)
}

// checkExtends holds a publication's proof against the tree that it extends.
func checkExtends(p Publication, next proof.Checkpoint, size int64, root tlog.Hash) error {
	switch {
	case size > next.Size, size == next.Size && root != next.Root:
		return ErrForked
	case size == 0, size == next.Size:
		return nil
	}
	if tlog.CheckTree(p.Proof, next.Size, next.Root, size, root) != nil {
		return ErrForked
	}
	return nil
}

// FileWitness appends publications to a file, a line of JSON each, and syncs it. Put the file
// where the database's administrator cannot write, on an append-only mount for instance.
type FileWitness struct {
	path      string
	verifiers note.Verifiers
	mu        sync.Mutex
}

// NewFileWitness makes a witness that trusts the public keys; the file is made when needed.
func NewFileWitness(path string, publicKeys ...string) (*FileWitness, error) {
	verifiers, err := Config{Verifiers: publicKeys}.verifiers()
	if err != nil {
		return nil, fmt.Errorf("file witness: %w", err)
	}
	return &FileWitness{path: path, verifiers: verifiers}, nil
}

// Name implements [Witness].
func (w *FileWitness) Name() string { return "file" }

// maxLine bounds a line of the file: a note and at most 63 hashes.
const maxLine = 64 << 10

// Latest implements [Witness].
func (w *FileWitness) Latest(_ context.Context, origin string) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.latest(origin)
}

// Before implements [Historian].
func (w *FileWitness) Before(_ context.Context, origin string, at time.Time) (string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.last(origin, func(signed string) (bool, error) {
		checkpoint, err := proof.OpenCheckpoint(signed, w.verifiers)
		return checkpoint.Time.Before(at), err
	})
}

// checkRestoration looks for what a restore left in what the witness itself has seen.
func (w *FileWitness) checkRestoration(p Publication, latest string) error {
	r, err := proof.OpenRestoration(p.Restoration, w.verifiers)
	if err != nil {
		return err
	}
	before, err := w.last(p.Origin, func(signed string) (bool, error) {
		c, err := proof.OpenCheckpoint(signed, w.verifiers)
		return c.Size == p.OldSize && !c.Time.After(r.RestoredTo), err
	})
	if err != nil {
		return err
	}
	return CheckRestoration(p, latest, before, w.verifiers)
}

func (w *FileWitness) latest(origin string) (string, error) {
	return w.last(origin, func(string) (bool, error) { return true, nil })
}

// last gives the last note of a log that counts.
func (w *FileWitness) last(origin string, counts func(signed string) (bool, error)) (latest string, err error) {
	file, err := os.Open(w.path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("file witness: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var p Publication
		if err := errors.Join(hmstype.CheckJSON(lines.Bytes()), json.Unmarshal(lines.Bytes(), &p)); err != nil {
			return "", fmt.Errorf("file witness: %w", err)
		}
		if p.Origin != origin {
			continue
		}
		ok, err := counts(p.Note)
		if err != nil {
			return "", fmt.Errorf("file witness: %w", err)
		}
		if ok {
			latest = p.Note
		}
	}
	return latest, lines.Err()
}

// Publish implements [Witness]. Behind half a line, as a loss of power leaves it, nothing is appended.
func (w *FileWitness) Publish(_ context.Context, p Publication) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	latest, err := w.latest(p.Origin)
	if err != nil {
		return err
	}
	if p.Restoration == "" {
		err = CheckPublication(p, latest, w.verifiers)
	} else {
		err = w.checkRestoration(p, latest)
	}
	if err != nil {
		return err
	}
	line, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("file witness: %w", err)
	}
	if err := linefile.Append(w.path, line); err != nil {
		return fmt.Errorf("file witness: %w", err)
	}
	return nil
}

// FuncWitness is a witness made of the host's own functions: a write-once store, a queue.
type FuncWitness struct {
	WitnessName string
	OnLatest    func(ctx context.Context, origin string) (string, error)
	OnPublish   func(ctx context.Context, publication Publication) error
}

// Name implements [Witness].
func (w FuncWitness) Name() string { return w.WitnessName }

// Latest implements [Witness].
func (w FuncWitness) Latest(ctx context.Context, origin string) (string, error) {
	return w.OnLatest(ctx, origin)
}

// Publish implements [Witness].
func (w FuncWitness) Publish(ctx context.Context, publication Publication) error {
	return w.OnPublish(ctx, publication)
}
