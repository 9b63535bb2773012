package proof

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Item is one event and its place in the log.
type Item struct {
	Index int64       `json:"index"` // of its leaf, from 0
	Event Event       `json:"event"`
	Proof []tlog.Hash `json:"proof"` // from the leaf to the root
}

// Bundle is what somebody is handed who shall not have to believe us.
type Bundle struct {
	Checkpoint string `json:"checkpoint"` // a signed note
	Items      []Item `json:"items"`      // by index, none twice
}

// ErrProof: an event is not in the log of the checkpoint, or not as it is shown.
var ErrProof = errors.New("proof: the event is not proved")

// Verify checks a bundle against the keys of the log's signers and gives the checkpoint that
// its events are proved against. [ErrCheckpoint] or [ErrProof].
func Verify(bundle Bundle, verifiers note.Verifiers) (Checkpoint, error) {
	checkpoint, err := OpenCheckpoint(bundle.Checkpoint, verifiers)
	if err != nil {
		return Checkpoint{}, err
	}
	last := int64(-1)
	for _, item := range bundle.Items {
		if item.Index <= last {
			return Checkpoint{}, fmt.Errorf("%w: leaf %d stands out of order", ErrProof, item.Index)
		}
		last = item.Index
		if err := item.verify(checkpoint); err != nil {
			return Checkpoint{}, err
		}
	}
	return checkpoint, nil
}

func (i Item) verify(checkpoint Checkpoint) error {
	if !strings.HasSuffix(checkpoint.Origin, "/"+i.Event.Tenant) || i.Event.Tenant == "" {
		return fmt.Errorf("%w: leaf %d is another tenant's", ErrProof, i.Index)
	}
	if i.Index < 0 || i.Index >= checkpoint.Size || i.Event.RecordedAt.After(checkpoint.Time) {
		return fmt.Errorf("%w: leaf %d is not under the checkpoint", ErrProof, i.Index)
	}
	if at := i.Event.RecordedAt; at != at.UTC().Truncate(time.Microsecond) {
		return fmt.Errorf("%w: leaf %d has a time that its hash does not cover", ErrProof, i.Index)
	}
	hash, err := i.Event.LeafHash()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if err := tlog.CheckRecord(i.Proof, checkpoint.Size, checkpoint.Root, i.Index, hash); err != nil {
		return fmt.Errorf("%w: leaf %d", ErrProof, i.Index)
	}
	return nil
}
