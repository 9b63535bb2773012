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

// Restoration is what the log itself says of a restore: the database was taken back to an instant, and the log goes on
// from where it ended then. What it lost is named, as far as witnesses saw it.
type Restoration struct {
	Origin string `json:"origin"` // names the log: "<host>/<tenant's id>"
	Number int64  `json:"number"` // among the log's records, those of keys included; from 1
	// Checkpoint, Size and Root are of the newest checkpoint that was restored; zero where the log had none yet.
	Checkpoint int64     `json:"checkpoint"`
	Size       int64     `json:"size"`
	Root       tlog.Hash `json:"root"`
	RestoredTo time.Time `json:"restoredTo,omitzero"` // UTC, microseconds: what was committed later is lost
	Reason     string    `json:"reason"`              // in words
	Time       time.Time `json:"time,omitzero"`       // of the record; UTC, microseconds; the database's clock
	// Skipped are the numbers that no document may ever have, because they may lie outside on paper; by series.
	Skipped []SkippedNumbers `json:"skipped"`
	// Lost are the heads that witnesses had of what is no longer in the log, by the witnesses' names; empty where
	// no witness saw any.
	Lost []LostHead `json:"lost"`
}

// SkippedNumbers is a range of numbers that a series left out.
type SkippedNumbers struct {
	Series string `json:"series"` // such as "patient.mrn", or with its year "bill-2026"
	First  int64  `json:"first"`  // at least 1
	Last   int64  `json:"last"`   // at least First
}

// LostHead is the newest checkpoint of a witness that the database no longer holds.
type LostHead struct {
	Witness string    `json:"witness"` // its name
	Size    int64     `json:"size"`
	Root    tlog.Hash `json:"root"`
	Time    time.Time `json:"time,omitzero"` // the checkpoint's; UTC
}

// ErrRestoration: the text is no record of a restore, or nobody known has signed it.
var ErrRestoration = errors.New("proof: no valid record of a restore")

const restorationHeading = "hms audit restoration v1"

// Text gives the form that is signed, a line each.
func (r Restoration) Text() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\norigin %s\nnumber %d\ncheckpoint %d\nsize %d\nroot %s\nto %s\nreason %s\ntime %s\n",
		restorationHeading, r.Origin, r.Number, r.Checkpoint, r.Size, base64.StdEncoding.EncodeToString(r.Root[:]),
		r.RestoredTo.UTC().Format(time.RFC3339Nano), strconv.QuoteToASCII(r.Reason), r.Time.UTC().Format(time.RFC3339Nano))
	for _, n := range r.Skipped {
		_, _ = fmt.Fprintf(&b, "skipped %d %d %s\n", n.First, n.Last, strconv.QuoteToASCII(n.Series))
	}
	for _, l := range r.Lost {
		_, _ = fmt.Fprintf(&b, "lost %d %s %s %s\n", l.Size, base64.StdEncoding.EncodeToString(l.Root[:]),
			l.Time.UTC().Format(time.RFC3339Nano), strconv.QuoteToASCII(l.Witness))
	}
	return b.String()
}

// Sign gives the signed note of a record.
func (r Restoration) Sign(signer note.Signer) (string, error) { return sign(r.Text(), signer) }

// Loses tells whether a checkpoint is one that the restore lost.
func (r Restoration) Loses(c Checkpoint) bool {
	for _, l := range r.Lost {
		if l.Size == c.Size && l.Root == c.Root && l.Time.Equal(c.Time) && r.Origin == c.Origin {
			return true
		}
	}
	return false
}

// OpenRestoration reads a signed note and gives its record. [ErrRestoration].
func OpenRestoration(signed string, verifiers note.Verifiers) (Restoration, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return Restoration{}, fmt.Errorf("%w: %w", ErrRestoration, err)
	}
	values, rest, ok := fields(text, restorationHeading,
		"origin ", "number ", "checkpoint ", "size ", "root ", "to ", "reason ", "time ")
	if !ok {
		return Restoration{}, ErrRestoration
	}
	r := Restoration{Origin: values[0]}
	var errs [9]error
	r.Number, errs[0] = strconv.ParseInt(values[1], 10, 64)
	r.Checkpoint, errs[1] = strconv.ParseInt(values[2], 10, 64)
	r.Size, errs[2] = strconv.ParseInt(values[3], 10, 64)
	r.Root, errs[3] = parseHash(values[4])
	r.RestoredTo, errs[4] = parseTime(values[5], "")
	r.Reason, errs[5] = strconv.Unquote(values[6])
	r.Time, errs[6] = parseTime(values[7], "")
	r.Skipped, rest, errs[7] = parseSkipped(rest)
	r.Lost, errs[8] = parseLost(rest)
	if errors.Join(errs[:]...) != nil || r.Checkpoint < 0 || r.Size < 0 || r.Text() != text {
		return Restoration{}, ErrRestoration
	}
	return r, nil
}

// parseSkipped reads the lines of numbers, and gives those behind them.
func parseSkipped(lines []string) (list []SkippedNumbers, rest []string, err error) {
	for i, line := range lines {
		f := strings.SplitN(line, " ", 4)
		if f[0] != "skipped" {
			return list, lines[i:], nil
		}
		if len(f) != 4 {
			return nil, nil, ErrRestoration
		}
		var n SkippedNumbers
		var errs [3]error
		n.First, errs[0] = strconv.ParseInt(f[1], 10, 64)
		n.Last, errs[1] = strconv.ParseInt(f[2], 10, 64)
		n.Series, errs[2] = strconv.Unquote(f[3])
		if errors.Join(errs[:]...) != nil || n.First < 1 || n.Last < n.First {
			return nil, nil, ErrRestoration
		}
		list = append(list, n)
	}
	return list, nil, nil
}

func parseLost(lines []string) ([]LostHead, error) {
	var list []LostHead
	for _, line := range lines {
		f := strings.SplitN(line, " ", 5)
		if len(f) != 5 || f[0] != "lost" {
			return nil, ErrRestoration
		}
		var l LostHead
		var errs [4]error
		l.Size, errs[0] = strconv.ParseInt(f[1], 10, 64)
		l.Root, errs[1] = parseHash(f[2])
		l.Time, errs[2] = parseTime(f[3], "")
		l.Witness, errs[3] = strconv.Unquote(f[4])
		if errors.Join(errs[:]...) != nil {
			return nil, ErrRestoration
		}
		list = append(list, l)
	}
	return list, nil
}
