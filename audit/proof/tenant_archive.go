package proof

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A tenant's archive is a text of lines of JSON: what it is; for each table its name and columns, and then its rows; at
// the end the signed manifest. A row as stored is a list of PostgreSQL's texts, null for NULL; a readable one is an
// object. Tables stand in an order in which each comes after those that it refers to.

// TenantAbout is the first line.
type TenantAbout struct {
	Format string       `json:"hms"` // "tenant archive v1"
	Form   TenantForm   `json:"form"`
	Left   []TenantLeft `json:"left,omitempty"` // what of the tenant's rows it does not hold
}

// TenantLeft names a table or a column that an archive leaves out, and why.
type TenantLeft struct {
	Name   string `json:"name"` // "table" or "table.column"
	Reason string `json:"reason"`
}

const tenantFormat = "tenant archive v1"

// tenantLine is any line but a row as stored.
type tenantLine struct {
	Table    string                     `json:"table,omitempty"`
	Columns  []string                   `json:"columns,omitempty"`
	Row      map[string]json.RawMessage `json:"row,omitempty"`
	Manifest string                     `json:"manifest,omitempty"`
}

type tableLine struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

// TenantArchiveWriter writes a tenant's archive, a row at a time.
type TenantArchiveWriter struct {
	out    io.Writer
	form   TenantForm
	body   hash.Hash
	all    hash.Hash
	tables tenantTables
	line   bytes.Buffer
}

// NewTenantArchiveWriter begins an archive.
func NewTenantArchiveWriter(out io.Writer, form TenantForm, left []TenantLeft) (*TenantArchiveWriter, error) {
	w := &TenantArchiveWriter{out: out, form: form, body: sha256.New(), all: sha256.New()}
	return w, w.write(TenantAbout{Format: tenantFormat, Form: form, Left: left}, false)
}

// write writes one line, and counts it to the table that it is of.
func (w *TenantArchiveWriter) write(value any, ofTable bool) error {
	w.line.Reset()
	if err := json.NewEncoder(&w.line).Encode(value); err != nil { // which ends the line
		return err
	}
	if ofTable {
		w.tables.add(w.line.Bytes())
	}
	_, err := io.MultiWriter(w.body, w.all, w.out).Write(w.line.Bytes())
	return err
}

// Table begins a table, with the names of its columns in the order of its rows' values.
func (w *TenantArchiveWriter) Table(name string, columns []string) error {
	w.tables.begin(name)
	return w.write(tableLine{Table: name, Columns: columns}, true)
}

// Row writes a row as stored; nil stands for NULL.
func (w *TenantArchiveWriter) Row(values []*string) error {
	w.tables.row()
	return w.write(values, true)
}

// ReadableRow writes a row of the readable form by column; NULLs may be left out.
func (w *TenantArchiveWriter) ReadableRow(values map[string]json.RawMessage) error {
	w.tables.row()
	return w.write(struct {
		Row map[string]json.RawMessage `json:"row"`
	}{values}, true)
}

// Finish signs and writes the manifest; form, tables and body are filled in. It gives the manifest and the SHA-256 of
// the whole archive.
func (w *TenantArchiveWriter) Finish(m TenantManifest, signer note.Signer) (TenantManifest, tlog.Hash, error) {
	m.Form, m.Tables, m.Body = w.form, w.tables.finish(), tlog.Hash(w.body.Sum(nil))
	signed, err := m.Sign(signer)
	if err != nil {
		return m, tlog.Hash{}, err
	}
	err = w.write(manifestLine{Manifest: signed}, false)
	return m, tlog.Hash(w.all.Sum(nil)), err
}

// tenantTables counts and hashes the lines of tables.
type tenantTables struct {
	list []TenantTable
	sum  hash.Hash
}

func (t *tenantTables) begin(name string) {
	t.close()
	t.list, t.sum = append(t.list, TenantTable{Name: name}), sha256.New()
}

func (t *tenantTables) row() {
	if len(t.list) > 0 {
		t.list[len(t.list)-1].Rows++
	}
}

func (t *tenantTables) add(line []byte) {
	if t.sum != nil {
		_, _ = t.sum.Write(line) // a hash's Write never fails
	}
}

func (t *tenantTables) close() {
	if t.sum != nil {
		t.list[len(t.list)-1].Sum = tlog.Hash(t.sum.Sum(nil))
	}
}

func (t *tenantTables) finish() []TenantTable {
	t.close()
	t.sum = nil
	return t.list
}

// TenantVisitor is given what an archive holds, as it is read: before anybody knows whether it is genuine. What it is
// given is its own only until it returns.
type TenantVisitor interface {
	// Table begins a table.
	Table(name string, columns []string) error
	// Row gives a row as stored, with as many values as the table has columns. Readable rows are not given.
	Row(values []*string) error
}

// VerifyTenantArchive checks a tenant's archive against the keys of the log's signers, without a database: that it is
// whole, and that no byte was added, changed or left out. It reads a line at a time. [ErrArchive],
// [ErrTenantManifest], or the reader's error.
func VerifyTenantArchive(archive io.Reader, verifiers note.Verifiers) (TenantManifest, error) {
	m, _, err := ReadTenantArchive(archive, verifiers, nil)
	return m, err
}

// ReadTenantArchive is [VerifyTenantArchive] that shows the rows to a visitor, nil for none, and gives the SHA-256 of
// the whole archive. Whoever keeps what he was shown verifies the archive before, and compares the sums afterwards.
func ReadTenantArchive(
	archive io.Reader, verifiers note.Verifiers, visitor TenantVisitor,
) (TenantManifest, tlog.Hash, error) {
	r := tenantReader{
		lines: newLineReader(archive), verifiers: verifiers, visitor: visitor, body: sha256.New(), all: sha256.New(),
	}
	m, err := r.read()
	if err != nil {
		return TenantManifest{}, tlog.Hash{}, err
	}
	return m, tlog.Hash(r.all.Sum(nil)), nil
}

type tenantReader struct {
	lines     lineReader
	verifiers note.Verifiers
	visitor   TenantVisitor
	body, all hash.Hash
	tables    tenantTables
	columns   int
	about     TenantAbout
}

func (r *tenantReader) next() ([]byte, error) {
	line, err := r.lines.read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: it ends without its manifest", ErrArchive)
	}
	_, _ = r.all.Write(line) // a hash's Write never fails
	return line, err
}

func (r *tenantReader) read() (TenantManifest, error) {
	line, err := r.next()
	if err != nil {
		return TenantManifest{}, err
	}
	if err := decode(line, &r.about); err != nil {
		return TenantManifest{}, err
	}
	if r.about.Format != tenantFormat {
		return TenantManifest{}, fmt.Errorf("%w: it is no tenant's", ErrArchive)
	}
	for {
		_, _ = r.body.Write(line)
		if line, err = r.next(); err != nil {
			return TenantManifest{}, err
		}
		if bytes.HasPrefix(line, []byte(`{"manifest":`)) {
			return r.finish(line)
		}
		if err := r.visit(line); err != nil {
			return TenantManifest{}, err
		}
	}
}

// visit reads a line of a table.
func (r *tenantReader) visit(line []byte) error {
	if bytes.HasPrefix(line, []byte("[")) {
		var values []*string
		if err := decode(line, &values); err != nil {
			return err
		}
		if r.about.Form != TenantStored || len(r.tables.list) == 0 || len(values) != r.columns {
			return fmt.Errorf("%w: a row is not its table's", ErrArchive)
		}
		r.tables.row()
		r.tables.add(line)
		if r.visitor == nil {
			return nil
		}
		return r.visitor.Row(values)
	}
	var l tenantLine
	if err := decode(line, &l); err != nil {
		return err
	}
	switch {
	case l.Table != "" && l.Row == nil && len(l.Columns) > 0:
		r.tables.begin(l.Table)
		r.tables.add(line)
		r.columns = len(l.Columns)
		if r.visitor == nil {
			return nil
		}
		return r.visitor.Table(l.Table, l.Columns)
	case l.Row != nil && l.Table == "" && r.about.Form == TenantReadable && len(r.tables.list) > 0:
		r.tables.row()
		r.tables.add(line)
		return nil
	default:
		return fmt.Errorf("%w: a line is neither a table nor a row", ErrArchive)
	}
}

// finish holds what was read against the manifest, behind which nothing may stand.
func (r *tenantReader) finish(line []byte) (TenantManifest, error) {
	var l manifestLine
	if err := decode(line, &l); err != nil {
		return TenantManifest{}, err
	}
	if written, err := json.Marshal(l); err != nil || string(written)+"\n" != string(line) {
		return TenantManifest{}, fmt.Errorf("%w: the manifest's line is not as it was written", ErrArchive)
	}
	m, err := OpenTenantManifest(l.Manifest, r.verifiers)
	if err != nil {
		return TenantManifest{}, err
	}
	if m.Form != r.about.Form || m.Body != tlog.Hash(r.body.Sum(nil)) || !slices.Equal(m.Tables, r.tables.finish()) {
		return TenantManifest{}, fmt.Errorf("%w: it does not hold what its manifest says", ErrArchive)
	}
	if _, err := r.lines.read(); !errors.Is(err, io.EOF) {
		return TenantManifest{}, fmt.Errorf("%w: something follows its manifest", ErrArchive)
	}
	return m, nil
}
