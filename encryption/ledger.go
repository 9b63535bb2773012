package encryption

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/linefile"
)

// Ledger remembers who was erased where no restore of the database reaches: a write-once store, a file on another
// machine. It takes signed notes (proof.Erasure), which hold the patient's id and nothing else of him.
type Ledger interface {
	// Append keeps a note for good before it returns. origin names the tenant: "<host>/<tenant's id>". The same
	// erasure may come more than once.
	Append(ctx context.Context, origin, signed string) error
	// Entries gives every note of a tenant.
	Entries(ctx context.Context, origin string) ([]string, error)
}

// Config says where erasures are remembered outside the database; the zero value: nowhere.
type Config struct {
	Ledger Ledger
	// Signer signs the notes, Verifiers are the public keys that ever did, in the form of note.NewVerifier. Both are the
	// audit log's.
	Signer    note.Signer
	Verifiers []string
	Origin    string // of the notes, before the tenant's id
}

func (c Config) origin(tenant hmstype.TenantID) string { return c.Origin + "/" + tenant.String() }

// entries gives what the ledger says of a tenant, by patient. A note that nobody known has signed, or that is another
// tenant's, is [ErrLedger]: nothing is done by half of a ledger.
func (c Config) entries(ctx context.Context, tenant hmstype.TenantID) (map[hmstype.PatientID]proof.Erasure, error) {
	verifiers := make([]note.Verifier, len(c.Verifiers))
	for i, key := range c.Verifiers {
		var err error
		if verifiers[i], err = note.NewVerifier(key); err != nil {
			return nil, errors.Join(ErrLedger, err)
		}
	}
	notes, err := c.Ledger.Entries(ctx, c.origin(tenant))
	if err != nil {
		return nil, errors.Join(ErrLedger, err)
	}
	list := map[hmstype.PatientID]proof.Erasure{}
	for i, signed := range notes {
		e, err := proof.OpenErasure(signed, note.VerifierList(verifiers...))
		if err != nil {
			return nil, fmt.Errorf("%w: entry %d: %w", ErrLedger, i+1, err)
		}
		id, err := hmstype.ParseID[hmstype.PatientID](e.Patient)
		if err != nil || e.Origin != c.origin(tenant) {
			return nil, fmt.Errorf("%w: entry %d is not of this tenant", ErrLedger, i+1)
		}
		if _, twice := list[id]; !twice {
			list[id] = e
		}
	}
	return list, nil
}

// append tells the ledger of one erasure.
func (c Config) append(ctx context.Context, tenant hmstype.TenantID, e Erasure) error {
	signed, err := proof.Erasure{
		Origin: c.origin(tenant), Patient: e.Patient.String(), Basis: e.Basis, ErasedAt: e.ErasedAt,
	}.Sign(c.Signer)
	if err != nil {
		return errors.Join(ErrLedger, err)
	}
	if err := c.Ledger.Append(ctx, c.origin(tenant), signed); err != nil {
		return errors.Join(ErrLedger, err)
	}
	return nil
}

// FileLedger keeps the notes in a file, a line of JSON each, and syncs it. Put the file where no restore of the
// database reaches, and back it up on its own.
type FileLedger struct {
	path string
	mu   sync.Mutex
}

// NewFileLedger makes a ledger of a file, which is made when needed.
func NewFileLedger(path string) *FileLedger { return &FileLedger{path: path} }

type ledgerLine struct {
	Origin string `json:"origin"`
	Note   string `json:"note"`
}

// Append implements [Ledger]. Behind half a line, as a loss of power leaves it, nothing is appended.
func (l *FileLedger) Append(_ context.Context, origin, signed string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	line, err := json.Marshal(ledgerLine{origin, signed})
	if err != nil {
		return fmt.Errorf("file ledger: %w", err)
	}
	if err := linefile.Append(l.path, line); err != nil {
		return fmt.Errorf("file ledger: %w", err)
	}
	return nil
}

// maxLine bounds a line of the file: a note of a basis of at most 200 characters.
const maxLine = 16 << 10

// Entries implements [Ledger]. A last line without its end, as a loss of power leaves it, is an error: whoever mends
// the file decides about it.
func (l *FileLedger) Entries(_ context.Context, origin string) (notes []string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	file, err := os.Open(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("file ledger: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var line ledgerLine
		if err := errors.Join(hmstype.CheckJSON(lines.Bytes()), json.Unmarshal(lines.Bytes(), &line)); err != nil {
			return nil, fmt.Errorf("file ledger: %w", err)
		}
		if line.Origin == origin {
			notes = append(notes, line.Note)
		}
	}
	return notes, lines.Err()
}
