package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Checkpoint is a head of the log: its text is signed.
type Checkpoint struct {
	Origin string    `json:"origin"`        // names the log: "<host>/<tenant's id>"
	Size   int64     `json:"size"`          // number of leaves
	Root   tlog.Hash `json:"root"`          // of the tree of that size
	Time   time.Time `json:"time,omitzero"` // UTC, microseconds; the database's clock
	// Through is the low-water mark: every event that was recorded before it, but for those of
	// transactions that were still open, is in the log. Equal to Time unless the sealer had
	// more to seal than one step takes.
	Through time.Time `json:"through,omitzero"`
}

// ErrCheckpoint: the text is no checkpoint, or nobody known has signed it.
var ErrCheckpoint = errors.New("proof: no valid checkpoint")

const (
	timePrefix    = "time "
	throughPrefix = "through "
)

// Text gives the form that is signed: origin, size, root and, as extensions, the two times, a
// line each (C2SP tlog-checkpoint).
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s%s\n%s%s\n", c.Origin, c.Size, base64.StdEncoding.EncodeToString(c.Root[:]),
		timePrefix, c.Time.UTC().Format(time.RFC3339Nano), throughPrefix, c.Through.UTC().Format(time.RFC3339Nano))
}

// Sign gives the signed note of a checkpoint.
func (c Checkpoint) Sign(signer note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	return string(signed), err
}

// ParseCheckpoint reads the text of a checkpoint and refuses any other spelling of it.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 6 || lines[0] == "" {
		return Checkpoint{}, ErrCheckpoint
	}
	size, sizeErr := strconv.ParseInt(lines[1], 10, 64)
	root, rootErr := base64.StdEncoding.Strict().DecodeString(lines[2])
	at, timeErr := parseTime(lines[3], timePrefix)
	through, throughErr := parseTime(lines[4], throughPrefix)
	if errors.Join(sizeErr, rootErr, timeErr, throughErr) != nil || size < 0 || len(root) != tlog.HashSize {
		return Checkpoint{}, ErrCheckpoint
	}
	c := Checkpoint{Origin: lines[0], Size: size, Root: tlog.Hash(root), Time: at, Through: through}
	if c.Text() != text {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}

func parseTime(line, prefix string) (time.Time, error) {
	text, ok := strings.CutPrefix(line, prefix)
	if !ok {
		return time.Time{}, ErrCheckpoint
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	return at.UTC(), err
}

// OpenCheckpoint reads a signed note and gives its checkpoint, where one of the verifiers
// knows the signature.
func OpenCheckpoint(signed string, verifiers note.Verifiers) (Checkpoint, error) {
	opened, err := note.Open([]byte(signed), verifiers)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("%w: %w", ErrCheckpoint, err)
	}
	return ParseCheckpoint(opened.Text)
}
