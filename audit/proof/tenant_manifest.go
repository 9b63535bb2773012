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

// TenantForm says for what a tenant's archive is made.
type TenantForm string

// The forms.
const (
	// TenantStored holds every row as the database has it, sealed fields and wrapped keys included, so that another
	// database can take the tenant in.
	TenantStored TenantForm = "stored"
	// TenantReadable holds what people can read: sealed fields are opened, and what proves who somebody is, keys and
	// tokens, is left out. No database takes it in.
	TenantReadable TenantForm = "readable"
)

// TenantTable is one table of a tenant's archive.
type TenantTable struct {
	Name string
	Rows int64
	Sum  tlog.Hash // SHA-256 of its lines: columns, then rows by primary key
}

// TenantManifest says what a tenant's archive holds: all its rows of one instant. Its text is signed and stands at the
// archive's end.
type TenantManifest struct {
	Origin string // names the log: "<host>/<tenant's id>"
	Form   TenantForm
	To     string    // for whom or for which database it was made, as who made it said
	Time   time.Time // UTC, microseconds; the database's clock at its snapshot
	Schema tlog.Hash // SHA-256 of the schema's steps: number, name and checksum
	Size   int64     // of the trail's log at that instant; zero for a tenant that has none
	Root   tlog.Hash // of that log
	Tables []TenantTable
	Body   tlog.Hash // SHA-256 of the bytes before the manifest's line
}

// Rows gives the number of rows of all tables.
func (m TenantManifest) Rows() int64 {
	var n int64
	for _, t := range m.Tables {
		n += t.Rows
	}
	return n
}

// Table gives what the archive holds of a table; zero where it has none of that name.
func (m TenantManifest) Table(name string) TenantTable {
	for _, t := range m.Tables {
		if t.Name == name {
			return t
		}
	}
	return TenantTable{}
}

// ErrTenantManifest: the text is no manifest of a tenant's archive, or nobody known has signed it.
var ErrTenantManifest = errors.New("proof: no valid manifest of a tenant's archive")

const tenantManifestHeading = "hms tenant archive v1"

// Text gives the form that is signed, a line each.
func (m TenantManifest) Text() string {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s\norigin %s\nform %s\nto %s\ntime %s\nschema %s\nlog %d %s\nbody %s\n",
		tenantManifestHeading, m.Origin, m.Form, strconv.QuoteToASCII(m.To), m.Time.UTC().Format(time.RFC3339Nano),
		inBase64(m.Schema), m.Size, inBase64(m.Root), inBase64(m.Body))
	for _, t := range m.Tables {
		_, _ = fmt.Fprintf(&b, "table %s %d %s\n", t.Name, t.Rows, inBase64(t.Sum))
	}
	return b.String()
}

// Sign gives the signed note of a manifest.
func (m TenantManifest) Sign(signer note.Signer) (string, error) { return sign(m.Text(), signer) }

// OpenTenantManifest reads a signed note and gives its manifest. [ErrTenantManifest].
func OpenTenantManifest(signed string, verifiers note.Verifiers) (TenantManifest, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return TenantManifest{}, fmt.Errorf("%w: %w", ErrTenantManifest, err)
	}
	values, rest, ok := fields(
		text, tenantManifestHeading, "origin ", "form ", "to ", "time ", "schema ", "log ", "body ",
	)
	if !ok {
		return TenantManifest{}, ErrTenantManifest
	}
	m := TenantManifest{Origin: values[0], Form: TenantForm(values[1])}
	size, root, _ := strings.Cut(values[5], " ")
	var errs [7]error
	m.To, errs[0] = strconv.Unquote(values[2])
	m.Time, errs[1] = parseTime(values[3], "")
	m.Schema, errs[2] = parseHash(values[4])
	m.Size, errs[3] = strconv.ParseInt(size, 10, 64)
	m.Root, errs[4] = parseHash(root)
	m.Body, errs[5] = parseHash(values[6])
	m.Tables, errs[6] = parseTenantTables(rest)
	if errors.Join(errs[:]...) != nil || m.Text() != text || m.Form != TenantStored && m.Form != TenantReadable {
		return TenantManifest{}, ErrTenantManifest
	}
	return m, nil
}

func parseTenantTables(lines []string) ([]TenantTable, error) {
	var list []TenantTable
	for _, line := range lines {
		f := strings.Split(line, " ")
		if len(f) != 4 || f[0] != "table" {
			return nil, ErrTenantManifest
		}
		rows, rowsErr := strconv.ParseInt(f[2], 10, 64)
		sum, sumErr := parseHash(f[3])
		if rowsErr != nil || sumErr != nil || rows < 0 {
			return nil, ErrTenantManifest
		}
		list = append(list, TenantTable{Name: f[1], Rows: rows, Sum: sum})
	}
	return list, nil
}

// TenantRecordKind says what became of a tenant.
type TenantRecordKind string

// The kinds of record.
const (
	TenantHandedOut TenantRecordKind = "handed-out" // an archive of it was made
	TenantMovedIn   TenantRecordKind = "moved-in"   // the database took it in from an archive
	TenantDeleted   TenantRecordKind = "deleted"    // all its rows and keys were removed
)

// TenantRecord says what became of a tenant as a whole. It outlives the tenant and holds nothing of a patient.
type TenantRecord struct {
	Origin  string // names the log: "<host>/<tenant's id>"
	Number  int64  // of the record of this tenant in this database, from 1
	Kind    TenantRecordKind
	Time    time.Time  // UTC, microseconds; the database's clock
	By      string     // who did it, as the trail names him: "system:<name>"
	Archive string     // the archive's name in the host's store; empty where there is none
	Sum     tlog.Hash  // SHA-256 of the whole archive, as sha256sum gives it; zero where there is none
	Form    TenantForm // of the archive; empty where there is none
	To      string     // for whom or for which database the archive was made
	Events  int64      // of the trail that were handed out, came, or were deleted
	Basis   string     // why it was deleted; empty for the other kinds
}

// ErrTenantRecord: the text is no record of a tenant, or nobody known has signed it.
var ErrTenantRecord = errors.New("proof: no valid record of a tenant")

const tenantRecordHeading = "hms tenant record v1"

// Text gives the form that is signed, a line each.
func (r TenantRecord) Text() string {
	return fmt.Sprintf("%s\norigin %s\nnumber %d\nkind %s\ntime %s\nby %s\narchive %s\nsha256 %s\nform %s\nto %s\n"+
		"events %d\nbasis %s\n", tenantRecordHeading, r.Origin, r.Number, r.Kind, r.Time.UTC().Format(time.RFC3339Nano),
		strconv.QuoteToASCII(r.By), strconv.QuoteToASCII(r.Archive), base64.StdEncoding.EncodeToString(r.Sum[:]), r.Form,
		strconv.QuoteToASCII(r.To), r.Events, strconv.QuoteToASCII(r.Basis))
}

// SumBytes gives Sum as the database has it: nothing where there is no archive.
func (r TenantRecord) SumBytes() []byte {
	if r.Sum == (tlog.Hash{}) {
		return []byte{}
	}
	return r.Sum[:]
}

// Sign gives the signed note of a record.
func (r TenantRecord) Sign(signer note.Signer) (string, error) { return sign(r.Text(), signer) }

// OpenTenantRecord reads a signed note and gives its record. [ErrTenantRecord].
func OpenTenantRecord(signed string, verifiers note.Verifiers) (TenantRecord, error) {
	text, err := openSigned(signed, verifiers)
	if err != nil {
		return TenantRecord{}, fmt.Errorf("%w: %w", ErrTenantRecord, err)
	}
	values, rest, ok := fields(text, tenantRecordHeading, "origin ", "number ", "kind ", "time ", "by ", "archive ",
		"sha256 ", "form ", "to ", "events ", "basis ")
	if !ok || len(rest) != 0 {
		return TenantRecord{}, ErrTenantRecord
	}
	r := TenantRecord{Origin: values[0], Kind: TenantRecordKind(values[2]), Form: TenantForm(values[7])}
	var errs [8]error
	r.Number, errs[0] = strconv.ParseInt(values[1], 10, 64)
	r.Time, errs[1] = parseTime(values[3], "")
	r.By, errs[2] = strconv.Unquote(values[4])
	r.Archive, errs[3] = strconv.Unquote(values[5])
	r.Sum, errs[4] = parseHash(values[6])
	r.To, errs[5] = strconv.Unquote(values[8])
	r.Events, errs[6] = strconv.ParseInt(values[9], 10, 64)
	r.Basis, errs[7] = strconv.Unquote(values[10])
	if errors.Join(errs[:]...) != nil || r.Text() != text || r.Number < 1 {
		return TenantRecord{}, ErrTenantRecord
	}
	return r, nil
}
