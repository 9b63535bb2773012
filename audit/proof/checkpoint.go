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
	// Through is the low-water mark: no event that was recorded before it, by the database's clock, ever appears outside
	// the log. A moment before Time, unless a transaction was open that may have begun earlier, or the sealer had more to
	// seal than one step takes; zero where nothing can be said yet. UTC, microseconds.
	Through time.Time `json:"through,omitzero"`
	// Reading names the way in which the database's catalogue was read, eight hexadecimal digits: only
	// fingerprints of one reading tell whether it changed.
	Reading string `json:"reading"`
	// Catalogue is the fingerprint of the schema and of the library's roles at that time, Host that of the host's own
	// objects that touch them.
	Catalogue tlog.Hash `json:"catalogue"`
	Host      tlog.Hash `json:"host"`
	// Records is how many records the log has of itself: of its keys ([KeyRecord]) and of restores ([Restoration]).
	Records int64 `json:"records"`
}

// ErrCheckpoint: the text is no checkpoint, or nobody known has signed it.
var ErrCheckpoint = errors.New("proof: no valid checkpoint")

const (
	timePrefix    = "time "
	throughPrefix = "through "
	catalogueText = "catalogue "
	hostPrefix    = "host "
	recordsPrefix = "records "
)

// Text gives the form that is signed: origin, size, root and, as extensions, the two times, the
// two fingerprints and the number of records, a line each (C2SP tlog-checkpoint).
func (c Checkpoint) Text() string {
	return fmt.Sprintf("%s\n%d\n%s\n%s%s\n%s%s\n%s%s %s\n%s%s\n%s%d\n", c.Origin, c.Size, inBase64(c.Root),
		timePrefix, c.Time.UTC().Format(time.RFC3339Nano), throughPrefix, c.Through.UTC().Format(time.RFC3339Nano),
		catalogueText, c.Reading, inBase64(c.Catalogue), hostPrefix, inBase64(c.Host), recordsPrefix, c.Records)
}

func inBase64(hash tlog.Hash) string { return base64.StdEncoding.EncodeToString(hash[:]) }

func fromBase64(line, prefix string) (tlog.Hash, error) {
	text, ok := strings.CutPrefix(line, prefix)
	hash, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(hash) != tlog.HashSize {
		return tlog.Hash{}, ErrCheckpoint
	}
	return tlog.Hash(hash), nil
}

// Sign gives the signed note of a checkpoint.
func (c Checkpoint) Sign(signer note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: c.Text()}, signer)
	return string(signed), err
}

// ParseCheckpoint reads the text of a checkpoint and refuses any other spelling of it.
func ParseCheckpoint(text string) (Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 9 || lines[0] == "" {
		return Checkpoint{}, ErrCheckpoint
	}
	c := Checkpoint{Origin: lines[0]}
	var errs [7]error
	c.Size, errs[0] = strconv.ParseInt(lines[1], 10, 64)
	c.Root, errs[1] = fromBase64(lines[2], "")
	c.Time, errs[2] = parseTime(lines[3], timePrefix)
	c.Through, errs[3] = parseTime(lines[4], throughPrefix)
	c.Reading, _, _ = strings.Cut(strings.TrimPrefix(lines[5], catalogueText), " ")
	c.Catalogue, errs[4] = fromBase64(lines[5], catalogueText+c.Reading+" ")
	c.Host, errs[5] = fromBase64(lines[6], hostPrefix)
	c.Records, errs[6] = strconv.ParseInt(strings.TrimPrefix(lines[7], recordsPrefix), 10, 64)
	if errors.Join(errs[:]...) != nil || c.Size < 0 || c.Records < 0 {
		return Checkpoint{}, ErrCheckpoint
	}
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
