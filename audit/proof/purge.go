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

// Purge says that the events of one tenant of one month were archived and dropped, and what
// the data looked like that they led to. Its text is signed: nobody without the log's key can
// explain missing events.
type Purge struct {
	Origin  string     // names the log: "<host>/<tenant's id>"
	Month   Month      // in which all the events were recorded
	Leaves  Leaves     // of the events
	Archive string     // the archive's name in the host's store
	Sum     tlog.Hash  // SHA-256 of the whole archive, as sha256sum gives it
	Basis   string     // the rule of retention that allowed it
	Time    time.Time  // UTC, microseconds; the database's clock
	Tables  []Baseline // by name, none twice
}

// Baseline is what the rows of one table were at the end of a purged month: the trail's
// replay begins with it, where creations are purged.
type Baseline struct {
	Table  string
	Rows   int64
	Digest tlog.Hash // of the rows by key, as hms.audit_verify computes it
}

// ErrPurge: the text is no record of a purge, or nobody known has signed it.
var ErrPurge = errors.New("proof: no valid record of a purge")

const purgeHeading = "hms audit purge v1"

// Text gives the form that is signed, a line each.
func (p Purge) Text() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\norigin %s\nmonth %s\nleaves %s\narchive %s\nsha256 %s\nbasis %s\ntime %s\n", purgeHeading,
		p.Origin, p.Month, p.Leaves,
		strconv.QuoteToASCII(p.Archive), base64.StdEncoding.EncodeToString(p.Sum[:]), strconv.QuoteToASCII(p.Basis),
		p.Time.UTC().Format(time.RFC3339Nano))
	for _, t := range p.Tables {
		_, _ = fmt.Fprintf(&b, "table %s %d %s\n", t.Table, t.Rows, base64.StdEncoding.EncodeToString(t.Digest[:]))
	}
	return b.String()
}

// Sign gives the signed note of a purge.
func (p Purge) Sign(signer note.Signer) (string, error) { return sign(p.Text(), signer) }

// OpenPurge reads a signed note and gives the record of its purge. [ErrPurge].
func OpenPurge(signed string, verifiers note.Verifiers) (Purge, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return Purge{}, fmt.Errorf("%w: %w", ErrPurge, err)
	}
	values, rest, ok := fields(
		text, purgeHeading, "origin ", "month ", "leaves ", "archive ", "sha256 ", "basis ", "time ",
	)
	if !ok {
		return Purge{}, ErrPurge
	}
	p := Purge{Origin: values[0], Month: Month(values[1])}
	_, _, monthErr := p.Month.Bounds()
	var leavesErr, archiveErr, sumErr, basisErr, timeErr, tablesErr error
	p.Leaves, leavesErr = parseLeaves(values[2])
	p.Archive, archiveErr = strconv.Unquote(values[3])
	p.Sum, sumErr = parseHash(values[4])
	p.Basis, basisErr = strconv.Unquote(values[5])
	p.Time, timeErr = parseTime(values[6], "")
	p.Tables, tablesErr = parseBaselines(rest)
	if errors.Join(monthErr, leavesErr, archiveErr, sumErr, basisErr, timeErr, tablesErr) != nil || p.Text() != text {
		return Purge{}, ErrPurge
	}
	return p, nil
}

func parseBaselines(lines []string) ([]Baseline, error) {
	var list []Baseline
	for _, line := range lines {
		f := strings.Split(line, " ")
		if len(f) != 4 || f[0] != "table" || (len(list) > 0 && f[1] <= list[len(list)-1].Table) {
			return nil, ErrPurge
		}
		rows, rowsErr := strconv.ParseInt(f[2], 10, 64)
		digest, digestErr := parseHash(f[3])
		if err := errors.Join(rowsErr, digestErr); err != nil || rows < 0 {
			return nil, ErrPurge
		}
		list = append(list, Baseline{Table: f[1], Rows: rows, Digest: digest})
	}
	return list, nil
}
