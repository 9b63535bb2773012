package day

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
)

// ledger remembers erasures in memory.
type ledger struct {
	mu    sync.Mutex
	notes map[string][]string // by origin
}

// Append implements [encryption.Ledger].
func (l *ledger) Append(_ context.Context, origin, signed string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notes[origin] = append(l.notes[origin], signed)
	return nil
}

// Entries implements [encryption.Ledger].
func (l *ledger) Entries(_ context.Context, origin string) ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notes[origin]), nil
}

// WithLog gives the configuration a signer, so that the audit trail can be sealed, and a ledger of erasures.
func WithLog(t T) func(*hms.Config) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	var signer note.Signer
	if err == nil {
		signer, err = note.NewSigner(secret)
	}
	if err != nil {
		t.Errorf("the log's signer: %v", err)
		t.FailNow()
	}
	erased := &ledger{notes: map[string][]string{}}
	return func(c *hms.Config) {
		c.ErasureLedger = erased
		c.AuditLog = sealed.Config{Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public}}
	}
}
