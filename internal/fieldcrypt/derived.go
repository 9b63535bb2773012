package fieldcrypt

import (
	"context"
	"sync"

	"github.com/google/uuid"

	"github.com/chelal/hms/internal/dbx"
)

// Derived are rows that are made of a subject's texts by the index's key, such as those by which a patient is found.
type Derived struct {
	// Outdated counts the subjects whose rows are from before encryption.
	Outdated func(ctx context.Context, db dbx.DB) (int64, error)
	// Remake makes the rows of up to limit of them anew and tells of how many it did.
	Remake func(ctx context.Context, db dbx.DB, c *Cipher, limit int) (int, error)
	// Forget removes what was made of a subject's sealed texts, for they are erased.
	Forget func(ctx context.Context, db dbx.DB, subject uuid.UUID) error
}

var derived struct {
	mu   sync.Mutex
	list []Derived
}

// DeclareDerived says which rows are made of sealed texts; call it once, from a package variable.
func DeclareDerived(d Derived) struct{} {
	derived.mu.Lock()
	defer derived.mu.Unlock()
	derived.list = append(derived.list, d)
	return struct{}{}
}

func derivedRows() []Derived {
	derived.mu.Lock()
	defer derived.mu.Unlock()
	return append([]Derived(nil), derived.list...)
}

// On tells whether the keys seal: without encryption texts stay as they are.
func (k Keys) On() bool { return k.epoch != 0 }
