package proof

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Manifest says what an archive holds: all events of one tenant of one month. Its text is
// signed and stands at the archive's end.
type Manifest struct {
	Origin string    // names the log: "<host>/<tenant's id>"
	Month  Month     // in which all its events were recorded
	Leaves Leaves    // of its events
	Size   int64     // of the log that its events are proved against
	Root   tlog.Hash // of that log
	Body   tlog.Hash // SHA-256 of the bytes before the manifest's line
}

// ErrManifest: the text is no manifest, or nobody known has signed it.
var ErrManifest = errors.New("proof: no valid manifest of an archive")

const manifestHeading = "hms audit archive v1"

// Text gives the form that is signed, a line each.
func (m Manifest) Text() string {
	return fmt.Sprintf("%s\norigin %s\nmonth %s\nleaves %s\nlog %d %s\nbody %s\n", manifestHeading, m.Origin, m.Month,
		m.Leaves,
		m.Size, base64.StdEncoding.EncodeToString(m.Root[:]), base64.StdEncoding.EncodeToString(m.Body[:]))
}

// Sign gives the signed note of a manifest.
func (m Manifest) Sign(signer note.Signer) (string, error) { return sign(m.Text(), signer) }

// OpenManifest reads a signed note and gives its manifest. [ErrManifest].
func OpenManifest(signed string, verifiers note.Verifiers) (Manifest, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return Manifest{}, fmt.Errorf("%w: %w", ErrManifest, err)
	}
	values, rest, ok := fields(text, manifestHeading, "origin ", "month ", "leaves ", "log ", "body ")
	if !ok || len(rest) != 0 {
		return Manifest{}, ErrManifest
	}
	m := Manifest{Origin: values[0], Month: Month(values[1])}
	_, _, monthErr := m.Month.Bounds()
	size, root, _ := strings.Cut(values[3], " ")
	var leavesErr, sizeErr, rootErr, bodyErr error
	m.Leaves, leavesErr = parseLeaves(values[2])
	m.Size, sizeErr = strconv.ParseInt(size, 10, 64)
	m.Root, rootErr = parseHash(root)
	m.Body, bodyErr = parseHash(values[4])
	if errors.Join(monthErr, leavesErr, sizeErr, rootErr, bodyErr) != nil || m.Text() != text || m.Leaves.Last >= m.Size {
		return Manifest{}, ErrManifest
	}
	return m, nil
}
