package fhir

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"maps"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// maxRecordSize bounds one resource in bytes; a larger one is reported and passed over.
const maxRecordSize = 10 << 20

// PatientRecord is one Patient resource, mapped.
type PatientRecord struct {
	Input    patient.RegisterInput // passes its Validate; has no MRN, key or override reason
	ID       string                // the resource's id; empty where it has none
	Inactive bool                  // Patient.active is false, or another record has replaced this one
	File     string                // as the caller named it
	Line     int                   // on which the record begins, from 1
	Entry    int                   // of the Bundle, from 1; zero outside a Bundle
	Offset   int64                 // of the record's first byte, from 0
}

// Stats counts what was read so far.
type Stats struct {
	Patients   int            // mapped
	Failed     int            // reported as [RecordError]
	PassedOver map[string]int // resources of other types, by type; "other" where the type is no name
}

// PatientReader reads the patients of one file. It is for one goroutine and one pass.
type PatientReader struct {
	scan  *scanner
	name  string
	stats Stats
}

// NewPatientReader makes a reader. The name serves for [RecordError.File], and a name that
// ends in .ndjson or .jsonl says that each line is one resource; otherwise the content tells.
func NewPatientReader(r io.Reader, name string) *PatientReader {
	return &PatientReader{scan: newScanner(r), name: name, stats: Stats{PassedOver: map[string]int{}}}
}

// ReadPatients gives the patients of a file one after the other, each with a nil error, or
// a *[RecordError] where a record cannot be used. Reading goes on after such an error unless
// the file is damaged from there on, in which case it is the last.
func ReadPatients(r io.Reader, name string) iter.Seq2[PatientRecord, error] {
	return NewPatientReader(r, name).All()
}

// Stats tells what was read so far.
func (r *PatientReader) Stats() Stats {
	stats := r.stats
	stats.PassedOver = maps.Clone(stats.PassedOver)
	return stats
}

// place is where a record stands.
type place struct {
	line   int
	entry  int
	offset int64
}

// visit is one pass: the reader and who listens.
type visit struct {
	*PatientReader
	yield func(PatientRecord, error) bool
}

// errStop ends a pass whose listener has had enough, or a file that is damaged.
var errStop = errors.New("stop")

// All is [ReadPatients] for this reader.
func (r *PatientReader) All() iter.Seq2[PatientRecord, error] {
	return func(yield func(PatientRecord, error) bool) {
		v := &visit{r, yield}
		if err := r.skipMark(); err != nil {
			_ = v.fail(r.here(), err) // the pass ends here either way
			return
		}
		_ = v.file() // errStop: what there was to say was said
	}
}

func (r *PatientReader) here() place { return place{line: r.scan.line, offset: r.scan.offset} }

// skipMark passes over a byte-order mark.
func (r *PatientReader) skipMark() error {
	mark := []byte("\uFEFF")
	start, err := r.scan.r.Peek(len(mark))
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(start, mark) {
		return nil
	}
	_, err = r.scan.r.Discard(len(mark))
	r.scan.offset += int64(len(mark))
	return err
}

func (v *visit) file() error {
	if _, err := v.scan.peekToken(); err != nil {
		if errors.Is(err, io.EOF) {
			return nil
		}
		return v.end(v.here(), err)
	}
	if v.hasLines() {
		return v.lines()
	}
	if err := v.document(v.scan); err != nil {
		return err
	}
	return v.lines() // several resources one after the other
}

// hasLines tells whether each line is a record: by the file's name, or because the second
// line begins an object where the first did not leave one open.
func (v *visit) hasLines() bool {
	name := strings.ToLower(v.name)
	if strings.HasSuffix(name, ".ndjson") || strings.HasSuffix(name, ".jsonl") {
		return true
	}
	ahead, _ := v.scan.r.Peek(peekSize) // an error comes again when the bytes are taken
	first, second, found := bytes.Cut(ahead, []byte("\n"))
	first = bytes.TrimSpace(first)
	if !found || len(first) < 2 || len(second) == 0 || second[0] != '{' {
		return false
	}
	last := first[len(first)-1]
	return last != '{' && last != '[' && last != ',' && last != ':'
}

// lines reads one record per line.
func (v *visit) lines() error {
	for {
		at := v.here()
		line, err := v.scan.readLine(maxRecordSize)
		if errors.Is(err, io.EOF) {
			return nil
		}
		switch {
		case errors.Is(err, errTooLarge):
			err = v.fail(at, err)
		case err != nil:
			return v.end(at, err)
		case len(bytes.TrimSpace(line)) > 0:
			err = v.line(line, at)
		}
		if err != nil {
			return err
		}
	}
}

func (v *visit) line(line []byte, at place) error {
	if !utf8.Valid(line) {
		return v.fail(at, refuse("is not UTF-8"))
	}
	kind, err := typeOf(line)
	if err != nil {
		return v.fail(at, err)
	}
	if kind != "Bundle" {
		if err := strict(line); err != nil {
			return v.fail(at, err)
		}
		return v.resource(kind, line, "", at)
	}
	inner := newScanner(bytes.NewReader(line))
	inner.line, inner.offset = at.line, at.offset
	return v.document(inner)
}

// document reads one JSON object member by member. It need not know what it reads until it
// comes to the entries: of a Bundle they are read one by one, anything else is kept.
func (v *visit) document(s *scanner) error {
	d := &document{visit: v, scan: s, at: place{line: s.line, offset: s.offset}}
	c, err := s.token()
	if err == nil && c != '{' {
		err = errBroken
	}
	if err != nil {
		return v.end(d.at, err)
	}
	d.buf = append(d.buf, '{')
	for more := true; more; {
		if more, err = d.member(); err != nil {
			if errors.Is(err, errStop) {
				return err
			}
			return v.end(place{line: s.line, offset: s.offset}, err)
		}
	}
	switch {
	case d.twice:
		return v.fail(d.at, refuse("has a member twice"))
	case d.kind == "Bundle" || d.hadEntries:
		return nil
	case d.large:
		return v.fail(d.at, errTooLarge)
	default:
		return v.resource(d.kind, append(d.buf, '}'), "", d.at)
	}
}

// document is the object that is being read.
type document struct {
	*visit
	scan       *scanner
	at         place
	kind       string // resourceType, once it was seen
	buf        []byte // the members so far, unless they are a Bundle's
	hadEntries bool
	large      bool
	names      map[string]bool // of the members so far
	twice      bool            // a member came again: which of both counts, readers do not agree on
}

// maxNames bounds the names that are kept; no resource has so many members.
const maxNames = 1 << 12

// name notes the name of a member.
func (d *document) name(key []byte) {
	var name string
	if json.Unmarshal(key, &name) != nil {
		return // told where the value is read
	}
	if d.names == nil {
		d.names = map[string]bool{}
	}
	d.twice = d.twice || d.names[strings.ToLower(name)]
	if len(d.names) < maxNames {
		d.names[strings.ToLower(name)] = true
	}
}

// member reads one member, and tells whether another one follows.
func (d *document) member() (bool, error) {
	c, err := d.scan.peekToken()
	switch {
	case errors.Is(err, io.EOF):
		return false, errTruncated
	case err != nil:
		return false, err
	case c == '}' && len(d.buf) == 1 && !d.hadEntries && !d.large:
		_, err = d.scan.next()
		return false, err
	case c != '"':
		return false, errBroken
	}
	key, err := d.scan.value(nil, maxKeySize)
	if err != nil {
		return false, err
	}
	if c, err = d.scan.token(); err != nil || c != ':' {
		return false, errors.Join(err, errBroken)
	}
	d.name(key)
	if err := d.memberValue(key); err != nil {
		return false, err
	}
	c, err = d.scan.token()
	if err == nil && c != ',' && c != '}' {
		err = errBroken
	}
	return c == ',', err
}

// maxKeySize bounds the name of a member.
const maxKeySize = 1 << 10

func (d *document) memberValue(key []byte) error {
	c, err := d.scan.peekToken()
	if errors.Is(err, io.EOF) {
		return errTruncated
	}
	if err != nil {
		return err
	}
	if string(key) == `"entry"` && c == '[' && (d.kind == "" || d.kind == "Bundle") {
		d.hadEntries, d.buf = true, nil
		return d.entries()
	}
	value, err := d.scan.value(nil, maxRecordSize)
	if err != nil && !errors.Is(err, errTooLarge) {
		return err
	}
	d.large = d.large || err != nil || len(d.buf)+len(key)+len(value) > maxRecordSize
	if string(key) == `"resourceType"` && json.Unmarshal(value, &d.kind) != nil {
		d.kind = ""
	}
	if d.large || d.hadEntries || d.kind == "Bundle" {
		d.buf = nil
		return nil
	}
	if len(d.buf) > 1 {
		d.buf = append(d.buf, ',')
	}
	d.buf = append(append(append(d.buf, key...), ':'), value...)
	return nil
}

// entries reads the entries of a Bundle.
func (d *document) entries() error {
	if _, err := d.scan.next(); err != nil { // the bracket
		return err
	}
	for number := 1; ; number++ {
		c, err := d.scan.peekToken()
		if errors.Is(err, io.EOF) {
			return errTruncated
		}
		if err != nil {
			return err
		}
		if c == ']' && number == 1 {
			_, err := d.scan.next()
			return err
		}
		at := place{line: d.scan.line, entry: number, offset: d.scan.offset}
		raw, err := d.scan.value(nil, maxRecordSize)
		switch {
		case errors.Is(err, errTooLarge):
			err = d.fail(at, err)
		case err == nil:
			err = d.entry(raw, at)
		}
		if err != nil {
			return err
		}
		if c, err = d.scan.token(); err != nil {
			return err
		}
		if c == ']' {
			return nil
		}
		if c != ',' {
			return errBroken
		}
	}
}

func (v *visit) entry(raw []byte, at place) error {
	if !utf8.Valid(raw) {
		return v.fail(at, refuse("is not UTF-8"))
	}
	var entry struct {
		FullURL  string          `json:"fullUrl"`
		Resource json.RawMessage `json:"resource"`
	}
	if err := json.Unmarshal(raw, &entry); err != nil {
		return v.fail(at, refuse("is not an entry of a Bundle"))
	}
	if err := strict(raw); err != nil {
		return v.fail(at, err)
	}
	if len(entry.Resource) == 0 {
		v.passOver("")
		return nil
	}
	kind, err := typeOf(entry.Resource)
	if err != nil {
		return v.fail(at, err)
	}
	return v.resource(kind, entry.Resource, entry.FullURL, at)
}

// typeOf gives the resource's type.
func typeOf(raw []byte) (string, error) {
	var head struct {
		ResourceType string `json:"resourceType"`
	}
	if err := json.Unmarshal(raw, &head); err != nil {
		return "", refuse("is not a JSON object with a resourceType")
	}
	return head.ResourceType, nil
}

// resource maps a Patient and counts anything else.
func (v *visit) resource(kind string, raw []byte, fullURL string, at place) error {
	if kind != "Patient" {
		v.passOver(kind)
		return nil
	}
	if !utf8.Valid(raw) {
		return v.fail(at, refuse("is not UTF-8"))
	}
	record, err := mapPatient(raw, fullURL)
	if err != nil {
		return v.fail(at, err)
	}
	record.File, record.Line, record.Entry, record.Offset = v.name, at.line, at.entry, at.offset
	v.stats.Patients++
	if !v.yield(record, nil) {
		return errStop
	}
	return nil
}

// typeName is the form of a resource type; anything else may be part of somebody's data.
var typeName = regexp.MustCompile(`^[A-Z][A-Za-z]{0,63}$`)

// maxTypes bounds what a hostile file can make the statistics hold; FHIR R4 has 148 types.
const maxTypes = 200

func (v *visit) passOver(kind string) {
	if _, known := v.stats.PassedOver[kind]; !typeName.MatchString(kind) || !known && len(v.stats.PassedOver) >= maxTypes {
		kind = "other"
	}
	v.stats.PassedOver[kind]++
}

// fail reports a record and goes on.
func (v *visit) fail(at place, err error) error {
	e := &RecordError{
		File: v.name, Line: at.line, Entry: at.entry, Offset: at.offset, Reason: "the file cannot be read", Err: err,
	}
	var refused *refusal
	switch {
	case errors.As(err, &refused):
		e.Reason, e.Err = refused.reason, refused.err
	case errors.Is(err, errTooLarge), errors.Is(err, errTruncated), errors.Is(err, errBroken):
		e.Reason, e.Err = scanReason(err), hmstype.ErrInvalid
	}
	v.stats.Failed++
	if !v.yield(PatientRecord{}, e) {
		return errStop
	}
	return nil
}

// end reports what keeps the reader from going on.
func (v *visit) end(at place, err error) error {
	if !errors.Is(err, errStop) {
		_ = v.fail(at, err) // the pass ends here either way
	}
	return errStop
}

func scanReason(err error) string {
	for _, known := range []error{errTooLarge, errTruncated, errBroken} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return errBroken.Error()
}
