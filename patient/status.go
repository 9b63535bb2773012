package patient

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// steps is how a record changes its state.
var steps = dbx.Machine[patientRow, Status]{
	Table: "patient", Transitions: Transitions,
	State:   func(r *patientRow) *Status { return &r.Status },
	Columns: []string{"status_reason"},
	Event:   func(r *patientRow, _ Status) dbx.Event { return patientEvent(r, eventStatusChanged) },
}

func patientEvent(r *patientRow, kind *dbx.EventType) dbx.Event {
	return dbx.Event{
		Type: kind, ID: r.ID,
		Data: map[string]string{"id": r.ID.String(), "status": string(r.Status)},
	}
}

// changed names what a command changes: which record, and as the caller has seen it.
type changed struct {
	id      hmstype.PatientID
	version int64
}

func (c changed) validate(v *hmstype.Validator) {
	v.Required(!c.id.IsZero(), "id")
	v.Check(c.version >= 1, "version", "required")
}

// lock locks the record as the caller has seen it. Nobody changes what is hidden from him.
func (c changed) lock(ctx context.Context, db dbx.DB) (patientRow, error) {
	row, err := dbx.Get[patientRow](ctx, db, "patient", c.id, dbx.ForUpdate)
	if err != nil {
		return row, err
	}
	if err := requireVisible(ctx, db, row.ID); err != nil {
		return row, err
	}
	return row, dbx.CheckVersion(&row, c.version)
}

// requireVisible refuses a command on a restricted record to who may not see it. A version cannot
// be known otherwise, and a restriction would be lifted by whom it shuts out. The database decides,
// as for a read, for it knows the break-glass grants.
func requireVisible(ctx context.Context, db dbx.DB, id hmstype.PatientID) error {
	return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "patient", ID: id.String(), Patient: id})
}

// save writes the named columns of a record and announces the change.
func save(ctx context.Context, db dbx.DB, row patientRow, event *dbx.EventType, columns ...string) (Patient, error) {
	if err := dbx.Update(ctx, db, &row, columns...); err != nil {
		return Patient{}, err
	}
	if err := db.Emit(ctx, patientEvent(&row, event)); err != nil {
		return Patient{}, err
	}
	return withIdentifiers(ctx, db, row)
}

// SetStatusInput moves a record to another state.
type SetStatusInput struct {
	ID      hmstype.PatientID `json:"id"`      // required
	Version int64             `json:"version"` // the version that the caller read; required
	Status  Status            `json:"status"`  // active, inactive or entered-in-error; a merge is no mere status
	Reason  string            `json:"reason"`  // required, up to 500 characters
}

// Validate implements the rules above.
func (in SetStatusInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	hmstype.OneOf(&v, in.Status, "status", StatusActive, StatusInactive, StatusEnteredInError)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opSetStatus = usecase.Command[SetStatusInput, Patient]{
	Name: "patient.set_status", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Sample: SetStatusInput{Version: 1, Status: StatusInactive, Reason: "moved away"},
}.Declare()

// SetStatus takes a record out of use, back into it, or marks it as entered in error, from
// which there is no way back. It is refused while something is open: [ErrOpenWork] (an
// *OpenWorkError lists it). [hmstype.ErrInvalidTransition] for a step that is not in
// [Transitions], [hmstype.ErrStale] where somebody else was faster.
// Permission: [hmstype.PermPatientWrite].
func (s *Service) SetStatus(ctx context.Context, in SetStatusInput) (Patient, error) {
	return opSetStatus.Run(ctx, &s.base, in, s.setStatus)
}

func (s *Service) setStatus(ctx context.Context, db dbx.DB, in SetStatusInput) (Patient, error) {
	row, err := changed{in.ID, in.Version}.lock(ctx, db)
	if err != nil {
		return Patient{}, err
	}
	if in.Status != StatusActive {
		if err := s.requireNothingOpen(ctx, db, row.ID); err != nil {
			return Patient{}, err
		}
	}
	row.StatusReason = in.Reason
	if err := dbx.Move(ctx, db, steps, &row, dbx.Change[patientRow, Status]{
		To: in.Status, Reason: in.Reason,
	}); err != nil {
		return Patient{}, err
	}
	return withIdentifiers(ctx, db, row)
}

// SetRestrictedInput restricts a record or opens it.
type SetRestrictedInput struct {
	ID         hmstype.PatientID `json:"id"`      // required
	Version    int64             `json:"version"` // the version that the caller read; required
	Restricted bool              `json:"restricted"`
}

// Validate implements the rules above.
func (in SetRestrictedInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	return v.Err()
}

var opSetRestricted = usecase.Command[SetRestrictedInput, Patient]{
	Name: "patient.set_restricted", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Sample: SetRestrictedInput{Version: 1, Restricted: true},
}.Declare()

// SetRestricted restricts a record or opens it again, which only those may do who see
// restricted records: [ErrRestricted] for anybody else. Who restricts a record that he may not see
// from then on is given it withheld.
// Permission: [hmstype.PermPatientWrite].
func (s *Service) SetRestricted(ctx context.Context, in SetRestrictedInput) (Patient, error) {
	return opSetRestricted.Run(ctx, &s.base, in, setRestricted)
}

func setRestricted(ctx context.Context, db dbx.DB, in SetRestrictedInput) (Patient, error) {
	row, err := changed{in.ID, in.Version}.lock(ctx, db)
	if err != nil {
		return Patient{}, err
	}
	row.IsRestricted = in.Restricted
	return save(ctx, db, row, eventRestrictionChanged, "is_restricted")
}
