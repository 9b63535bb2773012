package proof

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Erasure says outside the database that a patient was erased, so that a restore cannot bring him back. It holds his id
// and nothing else of him.
type Erasure struct {
	Origin   string    // names the tenant's log: "<host>/<tenant's id>"
	Patient  string    // his id, a UUID
	Basis    string    // the legal basis, such as "GDPR 17(1)(b)"
	ErasedAt time.Time // UTC, microseconds; of the first time
}

// ErrErasure: the text is no record of an erasure, or nobody known has signed it.
var ErrErasure = errors.New("proof: no valid record of an erasure")

const erasureHeading = "hms erasure v1"

// Text gives the form that is signed, a line each.
func (e Erasure) Text() string {
	return fmt.Sprintf("%s\norigin %s\npatient %s\nbasis %s\ntime %s\n", erasureHeading, e.Origin, e.Patient,
		strconv.QuoteToASCII(e.Basis), e.ErasedAt.UTC().Format(time.RFC3339Nano))
}

// Sign gives the signed note of an erasure.
func (e Erasure) Sign(signer note.Signer) (string, error) { return sign(e.Text(), signer) }

// OpenErasure reads a signed note and gives its record. [ErrErasure].
func OpenErasure(signed string, verifiers note.Verifiers) (Erasure, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return Erasure{}, fmt.Errorf("%w: %w", ErrErasure, err)
	}
	values, rest, ok := fields(text, erasureHeading, "origin ", "patient ", "basis ", "time ")
	if !ok || len(rest) != 0 {
		return Erasure{}, ErrErasure
	}
	e := Erasure{Origin: values[0], Patient: values[1]}
	var errs [2]error
	e.Basis, errs[0] = strconv.Unquote(values[2])
	e.ErasedAt, errs[1] = parseTime(values[3], "")
	if errors.Join(errs[:]...) != nil || e.Text() != text {
		return Erasure{}, ErrErasure
	}
	return e, nil
}
