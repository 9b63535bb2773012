package fhir

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/chelal/hms/patient"
)

// MaxResource bounds one resource, in bytes.
const MaxResource = 10 << 20

// PatientRecord is one Patient resource, mapped.
type PatientRecord struct {
	Source   string // the name of what was read
	Position int64  // byte at which the resource begins, from 0
	Input    patient.RegisterInput
}

// RecordError says why one resource was not mapped. It holds no value of the resource.
type RecordError struct {
	Source   string // the name of what was read
	Position int64  // byte at or before which the resource begins
	Reason   string
}

// Error implements error.
func (e *RecordError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s", e.Source, e.Position, e.Reason)
}

// ReadPatients gives the Patient resources of a stream, one at a time: a Bundle of any
// type, NDJSON, or one resource. Other resources are passed over. A resource that cannot
// be mapped comes as *RecordError, and the rest goes on; where the text is no JSON at
// all, or ends in the middle, the error is the last thing that comes.
func ReadPatients(r io.Reader, source string) iter.Seq2[PatientRecord, error] {
	return func(yield func(PatientRecord, error) bool) {
		buffered := bufio.NewReader(r)
		if mark, err := buffered.Peek(3); err == nil && bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
			_, _ = buffered.Discard(3) // what was peeked is there
		}
		reader := &patientReader{decoder: json.NewDecoder(buffered), source: source, yield: yield}
		reader.decoder.UseNumber()
		if err := reader.stream(); err != nil && !errors.Is(err, errStopped) {
			yield(PatientRecord{}, &RecordError{Source: source, Position: reader.decoder.InputOffset(), Reason: reasonOf(err)})
		}
	}
}

var errStopped = errors.New("the caller has had enough")

type patientReader struct {
	decoder *json.Decoder
	source  string
	yield   func(PatientRecord, error) bool
}

// reasonOf keeps the JSON package's words where they hold none of the text's.
func reasonOf(err error) string {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return "is not JSON, or ends in the middle"
	}
	return "cannot be read"
}

// stream reads the values that follow each other: one for a bundle, many for NDJSON.
func (p *patientReader) stream() error {
	for {
		token, err := p.decoder.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if token != json.Delim('{') {
			return &json.SyntaxError{}
		}
		if err := p.object(); err != nil {
			return err
		}
	}
}

// object reads the fields of a resource. It streams the entries of a bundle, and collects
// those of any other resource.
func (p *patientReader) object() error {
	start := p.decoder.InputOffset() - 1
	fields := map[string]json.RawMessage{}
	size := 0
	for p.decoder.More() {
		token, err := p.decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if name == "entry" {
			if err := p.entries(); err != nil {
				return err
			}
			continue
		}
		var value json.RawMessage
		if err := p.decoder.Decode(&value); err != nil {
			return err
		}
		if size += len(value); size <= MaxResource {
			fields[name] = value
		}
	}
	if _, err := p.decoder.Token(); err != nil { // the closing brace
		return err
	}
	var kind string
	if json.Unmarshal(fields["resourceType"], &kind) != nil || kind == "" {
		return p.give(start, nil, "has no resourceType")
	}
	if kind != "Patient" {
		return nil
	}
	if size > MaxResource {
		return p.give(start, nil, "is larger than 10 MB")
	}
	body, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return p.give(start, body, "")
}

// entries reads the array of a bundle, one entry at a time.
func (p *patientReader) entries() error {
	token, err := p.decoder.Token()
	if err != nil {
		return err
	}
	if token != json.Delim('[') {
		return &json.SyntaxError{}
	}
	for p.decoder.More() {
		start := p.decoder.InputOffset()
		var entry struct {
			Resource json.RawMessage `json:"resource"`
		}
		var raw json.RawMessage
		if err := p.decoder.Decode(&raw); err != nil {
			return err
		}
		var kind struct {
			ResourceType string `json:"resourceType"`
		}
		if json.Unmarshal(raw, &entry) != nil || json.Unmarshal(entry.Resource, &kind) != nil {
			if err := p.give(start, nil, "is an entry without a resource"); err != nil {
				return err
			}
			continue
		}
		if kind.ResourceType == "Patient" {
			if err := p.give(start, entry.Resource, ""); err != nil {
				return err
			}
		}
	}
	_, err = p.decoder.Token() // the closing bracket
	return err
}

// give hands one record, or the reason why there is none, to the caller.
func (p *patientReader) give(position int64, body json.RawMessage, reason string) error {
	record := PatientRecord{Source: p.source, Position: position}
	if reason == "" {
		record.Input, reason = mapPatient(body)
	}
	var err error
	if reason != "" {
		record, err = PatientRecord{}, &RecordError{Source: p.source, Position: position, Reason: reason}
	}
	if !p.yield(record, err) {
		return errStopped
	}
	return nil
}
