package proof

import (
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// ErrSigned: a note bears no valid signature, or more than the one that its signer gave it.
var ErrSigned = errors.New("proof: not signed, or not as its signer wrote it")

// openSigned gives the text of a note that bears one signature, by a known key, and is spelled
// as note.Sign spells it: no byte of it can be changed without notice.
func openSigned(signed string, verifiers note.Verifiers) (string, error) {
	n, err := note.Open([]byte(signed), verifiers)
	if err != nil || len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return "", ErrSigned
	}
	// note.Open overlooks repeated signatures and the spare bits of base64.
	if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[0].Base64); err != nil {
		return "", ErrSigned
	}
	written, err := note.Sign(&note.Note{Text: n.Text, Sigs: n.Sigs})
	if err != nil || string(written) != signed {
		return "", ErrSigned
	}
	return n.Text, nil
}

// sign gives the signed note of a text.
func sign(text string, signer note.Signer) (string, error) {
	signed, err := note.Sign(&note.Note{Text: text}, signer)
	return string(signed), err
}

// fields gives what stands behind the keyword of each line, and the lines after them. ok is
// false for a text of another heading or with other keywords.
func fields(text, heading string, keywords ...string) (values, rest []string, ok bool) {
	lines := strings.Split(text, "\n")
	if len(lines) < len(keywords)+2 || lines[0] != heading || lines[len(lines)-1] != "" {
		return nil, nil, false
	}
	for i, keyword := range keywords {
		value, ok := strings.CutPrefix(lines[i+1], keyword)
		if !ok {
			return nil, nil, false
		}
		values = append(values, value)
	}
	return values, lines[len(keywords)+1 : len(lines)-1], true
}
