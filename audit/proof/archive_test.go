package proof_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
)

const (
	tenant = "0190a0b0-0000-7000-8000-000000000001"
	origin = "hms.test/trail/" + tenant
)

// sampleLog is a log with two months of events, without a database.
type sampleLog struct {
	signer     note.Signer
	verifiers  note.Verifiers
	events     []proof.Event
	hashes     []tlog.Hash
	checkpoint string
	head       proof.Checkpoint
}

// ReadHashes implements tlog.HashReader.
func (b *sampleLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	list := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		list[i] = b.hashes[index]
	}
	return list, nil
}

// testSigner signs with a key that is the same in every process, as fuzzing needs.
type testSigner struct {
	note.Verifier
	key ed25519.PrivateKey
}

func (s testSigner) Sign(text []byte) ([]byte, error) { return ed25519.Sign(s.key, text), nil }

func newKey(tb testing.TB, seed byte) *sampleLog {
	tb.Helper()
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, err := note.NewEd25519VerifierKey("hms.test", key.Public().(ed25519.PublicKey))
	require.NoError(tb, err)
	verifier, err := note.NewVerifier(public)
	require.NoError(tb, err)
	return &sampleLog{signer: testSigner{verifier, key}, verifiers: note.VerifierList(verifier)}
}

func newSampleLog(tb testing.TB, events int) *sampleLog {
	tb.Helper()
	b := newKey(tb, 1)
	for i := range events {
		month := time.Month(1 + i*2/events)
		e := proof.Event{
			Tenant: tenant, ID: fmt.Sprintf("0190a0b0-0000-7000-8000-%012d", i), XID: fmt.Sprint(1000 + i), Actor: "human:x",
			Action: "create",
			Entity: "note", EntityID: fmt.Sprint(i), RecordedAt: time.Date(2019, month, 3, 4, 5, i, 6000, time.UTC),
			Changes: json.RawMessage(`{"text": "a < b & c > d", "back": "\\u003c", "path": "c:\\\\u003c", "n": [1.50, null]}`),
			Salt:    []byte{byte(i), 2, 3, 4},
		}
		leaf, err := e.LeafHash()
		require.NoError(tb, err)
		stored, err := tlog.StoredHashesForRecordHash(int64(i), leaf, b)
		require.NoError(tb, err)
		b.events, b.hashes = append(b.events, e), append(b.hashes, stored...)
	}
	root, err := tlog.TreeHash(int64(events), b)
	require.NoError(tb, err)
	now := time.Date(2019, 4, 1, 0, 0, 0, 0, time.UTC)
	b.head = proof.Checkpoint{Origin: origin, Size: int64(events), Root: root, Time: now, Through: now}
	b.checkpoint, err = b.head.Sign(b.signer)
	require.NoError(tb, err)
	return b
}

func (b *sampleLog) items(tb testing.TB, month proof.Month) []proof.Item {
	tb.Helper()
	var items []proof.Item
	for i, e := range b.events {
		if proof.MonthOf(e.RecordedAt) != month {
			continue
		}
		path, err := tlog.ProveRecord(b.head.Size, int64(i), b)
		require.NoError(tb, err)
		items = append(items, proof.Item{Index: int64(i), Event: e, Proof: path})
	}
	return items
}

// archive writes a month in lines of a few events.
func (b *sampleLog) archive(tb testing.TB, month proof.Month, items []proof.Item) []byte {
	tb.Helper()
	var out bytes.Buffer
	w := proof.NewArchiveWriter(&out, b.checkpoint)
	for part := range slices.Chunk(items, 7) {
		require.NoError(tb, w.Add(part))
	}
	_, _, err := w.Finish(proof.Manifest{Origin: origin, Month: month, Size: b.head.Size, Root: b.head.Root}, b.signer)
	require.NoError(tb, err)
	return out.Bytes()
}

func (b *sampleLog) verify(archive []byte) (proof.Manifest, error) {
	return proof.VerifyArchive(bytes.NewReader(archive), b.verifiers)
}

func TestVerifyArchive(t *testing.T) {
	t.Parallel()
	b := newSampleLog(t, 60)
	m, err := b.verify(b.archive(t, "2019-02", b.items(t, "2019-02")))
	require.NoError(t, err)
	require.Equal(t, proof.Month("2019-02"), m.Month)
	require.Equal(t, origin, m.Origin)
	require.Equal(t, int64(30), m.Leaves.Count)
	require.Equal(t, int64(30), m.Leaves.First)
	require.Equal(t, int64(59), m.Leaves.Last)

	t.Run("OneLineIsABundle", func(t *testing.T) {
		t.Parallel()
		first, _, _ := bytes.Cut(b.archive(t, "2019-01", b.items(t, "2019-01")), []byte("\n"))
		var bundle proof.Bundle
		require.NoError(t, json.Unmarshal(first, &bundle))
		_, err := proof.Verify(bundle, b.verifiers)
		require.NoError(t, err)
	})
	t.Run("ReadersError", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("the tape is torn")
		good := b.archive(t, "2019-01", b.items(t, "2019-01"))
		_, err := proof.VerifyArchive(io.MultiReader(bytes.NewReader(good[:len(good)/2]), errorReader{broken}), b.verifiers)
		require.ErrorIs(t, err, broken)
	})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// What a forger without the key can build of true parts.
func TestVerifyArchive_Refuses(t *testing.T) {
	t.Parallel()
	b, other := newSampleLog(t, 60), newKey(t, 2)
	january, february := b.items(t, "2019-01"), b.items(t, "2019-02")
	good := b.archive(t, "2019-01", january)
	lines := bytes.SplitAfter(good, []byte("\n"))
	lines = lines[:len(lines)-1]
	last := len(lines) - 1
	second := bytes.SplitAfter(b.archive(t, "2019-02", february), []byte("\n"))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	manifest := string(lines[last])
	for name, archive := range map[string][]byte{
		"Empty":              {},
		"NoManifest":         join(lines[:last]...),
		"ManifestAlone":      lines[last],
		"LineRemoved":        join(append(slices.Clone(lines[:2]), lines[3:]...)...),
		"LineTwice":          join(append(slices.Clone(lines[:2]), lines[1:]...)...),
		"LinesSwapped":       join(append([][]byte{lines[1], lines[0]}, lines[2:]...)...),
		"AnotherManifest":    join(append(slices.Clone(lines[:last]), second[len(second)-2])...),
		"LineOfAnotherMonth": join(append(slices.Clone(lines[:last]), second[0], lines[last])...),
		"TwoArchives":        join(good, good),
		"SomethingAfter":     join(good, []byte("\n")),
		"SpaceAfter":         join(good, []byte(" ")),
		"NoLastLineEnd":      good[:len(good)-1],
		"CarriageReturns":    bytes.ReplaceAll(good, []byte("\n"), []byte("\r\n")),
		"FieldAdded": join(
			append([][]byte{bytes.Replace(lines[0], []byte(`{`), []byte(`{"x":1,`), 1)}, lines[1:]...)...,
		),
		"ManifestSpaced": join(
			append(slices.Clone(lines[:last]), []byte(strings.Replace(manifest, `":"`, `": "`, 1)))...,
		),
		"ManifestSignedTwice": join(append(slices.Clone(lines[:last]), []byte(signedTwice(t, manifest)))...),
		"EventsOfAnother":     b.archive(t, "2019-01", february),
		"TwoMonths":           b.archive(t, "2019-01", append(slices.Clone(january), february[0])),
	} {
		_, err := b.verify(archive)
		require.Error(t, err, name)
	}
	_, err := other.verify(good)
	require.ErrorIs(t, err, proof.ErrCheckpoint, "another key")
	require.NoError(t, b.accepts(good))
}

// A line that two readers of JSON may understand differently is refused for that, whatever the manifest's sum says.
func TestVerifyArchive_RefusesWhatTwoReadersReadDifferently(t *testing.T) {
	t.Parallel()
	b := newSampleLog(t, 24)
	good := string(b.archive(t, "2019-01", b.items(t, "2019-01")))
	for name, change := range map[string][2]string{
		"MemberTwice":          {`{"checkpoint":`, `{"checkpoint":"another","checkpoint":`},
		"MemberInOtherLetters": {`{"checkpoint":`, `{"Checkpoint":"another","checkpoint":`},
		"EventsMemberTwice":    {`"action":`, `"action":"create","action":`},
		"HalfOfACharacter":     {`"operation":"`, `"operation":"\ud800`},
		"SecondValue":          {"}\n", "} {}\n"},
	} {
		bad := strings.Replace(good, change[0], change[1], 1)
		require.NotEqual(t, good, bad, name)
		err := b.accepts([]byte(bad))
		require.ErrorIs(t, err, proof.ErrArchive, name)
		require.Regexp(t, "as it was written|is no JSON of an archive", err.Error(), name)
	}
}

func (b *sampleLog) accepts(archive []byte) error {
	_, err := b.verify(archive)
	return err
}

// signedTwice repeats the signature in a manifest's line, which note.Open would overlook.
func signedTwice(t *testing.T, line string) string {
	t.Helper()
	var l struct {
		Manifest string `json:"manifest"`
	}
	require.NoError(t, json.Unmarshal([]byte(line), &l))
	at := strings.LastIndex(l.Manifest, "— ")
	l.Manifest += l.Manifest[at:]
	out, err := json.Marshal(l)
	require.NoError(t, err)
	return string(out) + "\n"
}

// Thousands of mutations of a good archive, each a small one; none may pass.
func TestVerifyArchive_RefusesEveryMutation(t *testing.T) {
	t.Parallel()
	b := newSampleLog(t, 24)
	good := b.archive(t, "2019-01", b.items(t, "2019-01"))
	require.NoError(t, b.accepts(good))
	refused := 0
	refuse := func(what string, mutant []byte) {
		if bytes.Equal(mutant, good) {
			return
		}
		refused++
		if b.accepts(mutant) == nil {
			t.Errorf("accepted: %s", what)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := mathrand.New(mathrand.NewPCG(seed, 1))
	for range 1500 {
		at := random.IntN(len(good))
		flipped := slices.Clone(good)
		flipped[at] ^= 1 << random.IntN(8)
		refuse(fmt.Sprintf("bit of byte %d flipped", at), flipped)
		refuse(fmt.Sprintf("byte %d doubled", at), slices.Insert(slices.Clone(good), at, good[at]))
		refuse(fmt.Sprintf("byte %d removed", at), slices.Delete(slices.Clone(good), at, at+1))
	}
	for at := 0; at < len(good); at += 1 + len(good)/300 {
		refuse(fmt.Sprintf("cut at %d", at), good[:at])
	}
	tail := good[bytes.LastIndex(good[:len(good)-1], []byte("\n"))+1:]
	for at := range tail { // every bit of what is signed and of its signature
		for bit := range 8 {
			flipped := slices.Clone(good)
			flipped[len(good)-len(tail)+at] ^= 1 << bit
			refuse(fmt.Sprintf("bit %d of the manifest's byte %d", bit, at), flipped)
		}
	}
	require.Greater(t, refused, 5000)
}

// A signer who lies about what he wrote is not believed either, where the lie can be seen.
func TestVerifyArchive_ManifestThatLies(t *testing.T) {
	t.Parallel()
	b := newSampleLog(t, 24)
	items := b.items(t, "2019-01")
	for name, lie := range map[string]proof.Manifest{
		"Month":  {Origin: origin, Month: "2019-02", Size: b.head.Size, Root: b.head.Root},
		"Origin": {Origin: "elsewhere/" + tenant, Month: "2019-01", Size: b.head.Size, Root: b.head.Root},
		"Size":   {Origin: origin, Month: "2019-01", Size: b.head.Size + 1, Root: b.head.Root},
		"Root":   {Origin: origin, Month: "2019-01", Size: b.head.Size, Root: tlog.Hash{1}},
		"NoDate": {Origin: origin, Month: "2019-13", Size: b.head.Size, Root: b.head.Root},
	} {
		var out bytes.Buffer
		w := proof.NewArchiveWriter(&out, b.checkpoint)
		require.NoError(t, w.Add(items))
		_, _, err := w.Finish(lie, b.signer)
		require.NoError(t, err)
		require.Error(t, b.accepts(out.Bytes()), name)
	}
	w := proof.NewArchiveWriter(io.Discard, b.checkpoint)
	require.NoError(t, w.Add(items[3:5]))
	require.ErrorIs(t, w.Add(items[:1]), proof.ErrOrder)
	require.ErrorIs(t, w.Add(make([]proof.Item, proof.MaxArchiveItems+1)), proof.ErrArchive)
}

func TestOpenPurge(t *testing.T) {
	t.Parallel()
	b := newSampleLog(t, 2)
	purge := proof.Purge{
		Origin: origin, Month: "2019-01", Leaves: proof.Leaves{Count: 2, First: 4, Last: 9, Digest: tlog.Hash{7}},
		Archive: "a b/2019-01", Sum: tlog.Hash{8},
		Basis: "access 72 months:\n\"45 CFR 164.316\"", Time: time.Date(2026, 2, 3, 4, 5, 6, 7000, time.UTC),
		Tables: []proof.Baseline{{Table: "bed", Rows: 3, Digest: tlog.Hash{1}}, {Table: "ward", Digest: tlog.Hash{2}}},
	}
	signed, err := purge.Sign(b.signer)
	require.NoError(t, err)
	opened, err := proof.OpenPurge(signed, b.verifiers)
	require.NoError(t, err)
	require.Equal(t, purge, opened)
	for at := range len(signed) {
		for _, mutant := range []string{
			signed[:at], signed[:at] + signed[at+1:], signed[:at] + string(rune(signed[at]^1)) + signed[at+1:],
		} {
			_, err := proof.OpenPurge(mutant, b.verifiers)
			require.ErrorIs(t, err, proof.ErrPurge)
		}
	}
	manifest, err := proof.Manifest{Origin: origin, Month: "2019-01", Leaves: purge.Leaves, Size: 10}.Sign(b.signer)
	require.NoError(t, err)
	_, err = proof.OpenManifest(manifest, b.verifiers)
	require.NoError(t, err)
	for _, other := range []string{manifest, b.checkpoint} {
		_, err = proof.OpenPurge(other, b.verifiers)
		require.ErrorIs(t, err, proof.ErrPurge, "what is signed for one use serves no other")
	}
	_, err = proof.OpenManifest(b.checkpoint, b.verifiers)
	require.ErrorIs(t, err, proof.ErrManifest)
	_, err = proof.OpenCheckpoint(signed, b.verifiers)
	require.ErrorIs(t, err, proof.ErrCheckpoint)
	purge.Tables[1].Table = "bed"
	signed, err = purge.Sign(b.signer)
	require.NoError(t, err)
	_, err = proof.OpenPurge(signed, b.verifiers)
	require.ErrorIs(t, err, proof.ErrPurge, "a table twice")
}

func TestMonth(t *testing.T) {
	t.Parallel()
	from, to, err := proof.Month("2019-12").Bounds()
	require.NoError(t, err)
	require.Equal(t, time.Date(2019, 12, 1, 0, 0, 0, 0, time.UTC), from)
	require.Equal(t, time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), to)
	for _, bad := range []proof.Month{"", "2019", "2019-13", "2019-1", "19-01", "2019-01-01", "0000-01"} {
		_, _, err := bad.Bounds()
		require.ErrorIs(t, err, proof.ErrMonth, bad)
	}
}

// FuzzVerifyArchive looks for a text that is accepted and is not byte by byte what was written.
func FuzzVerifyArchive(f *testing.F) {
	b := newSampleLog(f, 12)
	good := b.archive(f, "2019-01", b.items(f, "2019-01"))
	f.Add(good, uint16(0), byte(0))
	f.Add(good[:len(good)/2], uint16(3), byte(1))
	f.Add([]byte(`{"manifest":""}`+"\n"), uint16(0), byte(2))
	f.Fuzz(func(t *testing.T, text []byte, at uint16, with byte) {
		if b.accepts(text) == nil && !bytes.Equal(text, good) {
			t.Fatalf("accepted %q", text)
		}
		mutant := slices.Clone(good)
		n := int(at) % len(good)
		mutant[n] ^= with
		if b.accepts(mutant) == nil && with != 0 {
			t.Fatalf("accepted byte %d xor %d", n, with)
		}
	})
}
