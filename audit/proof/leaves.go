package proof

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Leaves names a set of leaves of one log exactly: whoever adds, removes, moves or exchanges
// one of them gets another digest.
type Leaves struct {
	Count  int64     // at least 1
	First  int64     // the lowest index
	Last   int64     // the highest index
	Digest tlog.Hash // SHA-256 of each leaf's index (8 bytes, big-endian) and hash, ascending
}

// ErrOrder: a leaf came twice or out of order.
var ErrOrder = errors.New("proof: a leaf stands out of order")

// LeafCounter adds leaves up, in ascending order. The zero value has seen none.
type LeafCounter struct {
	leaves Leaves
	sum    hash.Hash
}

// Add counts one leaf. [ErrOrder].
func (c *LeafCounter) Add(index int64, leaf tlog.Hash) error {
	if index < 0 || (c.leaves.Count > 0 && index <= c.leaves.Last) {
		return ErrOrder
	}
	if c.leaves.Count == 0 {
		c.leaves.First, c.sum = index, sha256.New()
	}
	c.leaves.Count++
	c.leaves.Last = index
	_, _ = c.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(index))) // a hash's Write never fails
	_, _ = c.sum.Write(leaf[:])
	return nil
}

// Leaves gives the set so far; its zero value for none.
func (c *LeafCounter) Leaves() Leaves {
	leaves := c.leaves
	if leaves.Count > 0 {
		leaves.Digest = tlog.Hash(c.sum.Sum(nil))
	}
	return leaves
}

// valid tells whether there can be such a set.
func (l Leaves) valid() bool {
	return l.Count >= 1 && l.First >= 0 && l.Last-l.First >= l.Count-1
}

// String gives the set as it stands in what is signed.
func (l Leaves) String() string {
	return fmt.Sprintf("%d %d %d %s", l.Count, l.First, l.Last, base64.StdEncoding.EncodeToString(l.Digest[:]))
}

func parseLeaves(text string) (Leaves, error) {
	f := strings.Split(text, " ")
	if len(f) != 4 {
		return Leaves{}, ErrOrder
	}
	count, countErr := strconv.ParseInt(f[0], 10, 64)
	first, firstErr := strconv.ParseInt(f[1], 10, 64)
	last, lastErr := strconv.ParseInt(f[2], 10, 64)
	digest, digestErr := parseHash(f[3])
	l := Leaves{Count: count, First: first, Last: last, Digest: digest}
	if err := errors.Join(countErr, firstErr, lastErr, digestErr); err != nil || !l.valid() {
		return Leaves{}, ErrOrder
	}
	return l, nil
}

func parseHash(text string) (tlog.Hash, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != tlog.HashSize {
		return tlog.Hash{}, errors.New("proof: not a hash")
	}
	return tlog.Hash(b), nil
}
