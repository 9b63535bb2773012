package proof

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// An archive is a text of lines of JSON: bundles of events of one tenant and month, by leaf,
// and at the end the signed manifest. Each bundle can be checked alone by [Verify].

// MaxArchiveItems bounds the events of one line.
const MaxArchiveItems = 1000

// maxArchiveLine bounds a line in bytes, so that no archive can exhaust its reader's memory:
// one event's changes are at most the 256 MB of PostgreSQL's jsonb, escaped.
const maxArchiveLine = 1 << 30

// ErrArchive: the archive is not what was written: cut, lengthened, changed, out of order, or
// mixed from several.
var ErrArchive = errors.New("proof: no valid archive")

// manifestLine is the last line.
type manifestLine struct {
	Manifest string `json:"manifest"`
}

// ArchiveWriter writes an archive.
type ArchiveWriter struct {
	out        io.Writer
	checkpoint string
	body       hash.Hash
	all        hash.Hash
	leaves     LeafCounter
}

// NewArchiveWriter begins an archive whose events are proved against a signed checkpoint.
func NewArchiveWriter(out io.Writer, checkpoint string) *ArchiveWriter {
	return &ArchiveWriter{out: out, checkpoint: checkpoint, body: sha256.New(), all: sha256.New()}
}

// Add writes up to [MaxArchiveItems] events, which follow those before by index.
func (w *ArchiveWriter) Add(items []Item) error {
	if len(items) == 0 {
		return nil
	}
	if len(items) > MaxArchiveItems {
		return fmt.Errorf("%w: too many events for one line", ErrArchive)
	}
	for _, item := range items {
		leaf, err := item.Event.LeafHash()
		if err != nil {
			return err
		}
		if err := w.leaves.Add(item.Index, leaf); err != nil {
			return err
		}
	}
	return w.line(Bundle{Checkpoint: w.checkpoint, Items: items}, w.body, w.all)
}

func (w *ArchiveWriter) line(value any, sums ...io.Writer) error {
	line, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = io.MultiWriter(append(sums, w.out)...).Write(append(line, '\n'))
	return err
}

// Finish signs and writes the manifest; leaves and body are filled in. It gives the manifest
// and the SHA-256 of the whole archive.
func (w *ArchiveWriter) Finish(m Manifest, signer note.Signer) (Manifest, tlog.Hash, error) {
	m.Leaves, m.Body = w.leaves.Leaves(), tlog.Hash(w.body.Sum(nil))
	signed, err := m.Sign(signer)
	if err != nil {
		return m, tlog.Hash{}, err
	}
	err = w.line(manifestLine{Manifest: signed}, w.all)
	return m, tlog.Hash(w.all.Sum(nil)), err
}

// VerifyArchive checks an archive against the keys of the log's signers, without a database:
// that every event is in the signed log, unchanged; that all events that the manifest counts are
// there, in order and of its month; and that no byte is missing, added or changed. It reads
// a line at a time. [ErrArchive], [ErrManifest], [ErrCheckpoint], [ErrProof], or the reader's error.
func VerifyArchive(archive io.Reader, verifiers note.Verifiers) (Manifest, error) {
	c := archiveCheck{lineReader: newLineReader(archive), verifiers: verifiers, body: sha256.New()}
	for {
		line, err := c.read()
		if errors.Is(err, io.EOF) {
			return Manifest{}, fmt.Errorf("%w: it ends without its manifest", ErrArchive)
		}
		if err != nil {
			return Manifest{}, err
		}
		if bytes.HasPrefix(line, []byte(`{"manifest":`)) {
			return c.finish(line)
		}
		if err := c.bundle(line); err != nil {
			return Manifest{}, err
		}
	}
}

// lineReader reads an archive line by line.
type lineReader struct{ in *bufio.Reader }

func newLineReader(archive io.Reader) lineReader { return lineReader{bufio.NewReader(archive)} }

type archiveCheck struct {
	lineReader
	verifiers     note.Verifiers
	body          hash.Hash
	leaves        LeafCounter
	checkpoint    Checkpoint // the same for all bundles
	signed        string     // its note
	first, latest time.Time  // when the events were recorded
}

// read gives the next line with its end. io.EOF only where nothing at all is left.
func (c lineReader) read() ([]byte, error) {
	var line []byte
	for {
		part, err := c.in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(line) <= maxArchiveLine:
		case errors.Is(err, io.EOF) && len(line) == 0:
			return nil, io.EOF
		case errors.Is(err, io.EOF), errors.Is(err, bufio.ErrBufferFull):
			return nil, fmt.Errorf("%w: a line has no end", ErrArchive)
		default:
			return nil, err
		}
	}
}

func (c *archiveCheck) bundle(line []byte) error {
	_, _ = c.body.Write(line) // a hash's Write never fails
	var b Bundle
	if err := decode(line, &b); err != nil {
		return err
	}
	if len(b.Items) == 0 || len(b.Items) > MaxArchiveItems || (c.signed != "" && b.Checkpoint != c.signed) {
		return fmt.Errorf("%w: a bundle is empty, too large, or another archive's", ErrArchive)
	}
	checkpoint, err := Verify(b, c.verifiers)
	if err != nil {
		return err
	}
	c.checkpoint, c.signed = checkpoint, b.Checkpoint
	for _, item := range b.Items {
		leaf, err := item.Event.LeafHash()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		if err := c.leaves.Add(item.Index, leaf); err != nil {
			return fmt.Errorf("%w: %w", ErrArchive, err)
		}
		at := item.Event.RecordedAt
		if c.first.IsZero() || at.Before(c.first) {
			c.first = at
		}
		if at.After(c.latest) {
			c.latest = at
		}
	}
	return nil
}

// finish holds what was read against the manifest, behind which nothing may stand.
func (c *archiveCheck) finish(line []byte) (Manifest, error) {
	var l manifestLine
	if err := decode(line, &l); err != nil {
		return Manifest{}, err
	}
	m, err := OpenManifest(l.Manifest, c.verifiers)
	if err != nil {
		return Manifest{}, err
	}
	from, to, err := m.Month.Bounds()
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrArchive, err)
	}
	switch {
	case m.Leaves != c.leaves.Leaves(), m.Body != tlog.Hash(c.body.Sum(nil)):
		err = fmt.Errorf("%w: it does not hold what its manifest says", ErrArchive)
	case m.Origin != c.checkpoint.Origin, m.Size != c.checkpoint.Size, m.Root != c.checkpoint.Root:
		err = fmt.Errorf("%w: its manifest is of another log", ErrArchive)
	case c.first.Before(from), !c.latest.Before(to):
		err = fmt.Errorf("%w: it holds events of another month", ErrArchive)
	default:
		if _, err = c.read(); errors.Is(err, io.EOF) {
			return m, nil
		}
		err = fmt.Errorf("%w: something follows its manifest", ErrArchive)
	}
	return Manifest{}, err
}

// decode reads one line, which must be as [ArchiveWriter] writes it, to the byte: a member that is there twice or in
// other letters, a half of a surrogate pair and a second value are none of its doing, and two readers may
// understand them differently.
func decode(line []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("%w: a line is no JSON of an archive", ErrArchive)
	}
	if written, err := json.Marshal(into); err != nil || string(written)+"\n" != string(line) {
		return fmt.Errorf("%w: a line is not as it was written", ErrArchive)
	}
	return nil
}
