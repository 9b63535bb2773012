package patient

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// MarkDeceasedInput notes a death.
type MarkDeceasedInput struct {
	ID      hmstype.PatientID `json:"id"`          // required
	Version int64             `json:"version"`     // the version that the caller read; required
	At      time.Time         `json:"at,omitzero"` // zero means that the instant is unknown; not in the future
}

// Validate implements the rules above.
func (in MarkDeceasedInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	return v.Err()
}

var opMarkDeceased = usecase.Command[MarkDeceasedInput, Patient]{
	Name: "patient.mark_deceased", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Sample: MarkDeceasedInput{Version: 1},
}.Declare()

// MarkDeceased notes that the patient has died, or corrects the instant. What has become pointless ends with
// it: appointments that were to come are cancelled, as "pat-dec", and prescriptions stopped. Bills stay, and an
// encounter is finished by whoever treats. The event patient.marked_deceased tells others.
// [ErrInactive] or [ErrMerged] where the record is not active. A death that was noted by
// mistake is taken back with [Service.RevokeDeath].
// Permission: [hmstype.PermPatientWrite].
func (s *Service) MarkDeceased(ctx context.Context, in MarkDeceasedInput) (Patient, error) {
	return opMarkDeceased.Run(ctx, &s.base, in, s.markDeceased)
}

func (s *Service) markDeceased(ctx context.Context, db dbx.DB, in MarkDeceasedInput) (Patient, error) {
	row, err := changed{in.ID, in.Version}.lock(ctx, db)
	if err != nil {
		return Patient{}, err
	}
	if err := row.requireUsable(); err != nil {
		return Patient{}, err
	}
	birth := row.BirthDate
	if in.At.After(db.Now) || (!in.At.IsZero() && !birth.IsZero() &&
		hmstype.DateOf(in.At, time.UTC).AddDays(1).Before(birth)) {
		return Patient{}, hmstype.Invalid("at", "must lie between birth and now")
	}
	row.setDeceased(true, in.At)
	p, err := save(ctx, db, row, eventMarkedDeceased, deathColumns...)
	if err != nil {
		return Patient{}, err
	}
	for _, follower := range s.ports.Deaths {
		if err := follower.AfterDeath(ctx, db.Conn(), row.ID, row.DeceasedAt); err != nil {
			return Patient{}, err
		}
	}
	return p, nil
}

// deathColumns are what a death, or that there was none, changes.
var deathColumns = []string{"is_deceased", "deceased_at", "death_revoked_reason"}

// RevokeDeathInput says that a death was noted by mistake.
type RevokeDeathInput struct {
	ID      hmstype.PatientID `json:"id"`      // required
	Version int64             `json:"version"` // the version that the caller read; required
	Reason  string            `json:"reason"`  // how the mistake came about; required, up to 500 characters
}

// Validate implements the rules above.
func (in RevokeDeathInput) Validate() error {
	var v hmstype.Validator
	changed{in.ID, in.Version}.validate(&v)
	v.Text(in.Reason, "reason", 1, 500)
	return v.Err()
}

var opRevokeDeath = usecase.Command[RevokeDeathInput, Patient]{
	Name: "patient.revoke_death", Permission: hmstype.PermPatientWrite, Shows: patients.One(),
	Sample: RevokeDeathInput{Version: 1, Reason: "noted with the neighbour's record"},
}.Declare()

// RevokeDeath says that the person lives: the death was noted by mistake. The reason stays with the
// record. What the death ended stays ended. [ErrNotDeceased] where no death is noted; [ErrInactive] or
// [ErrMerged] where the record is not active.
// Permission: [hmstype.PermPatientWrite].
func (s *Service) RevokeDeath(ctx context.Context, in RevokeDeathInput) (Patient, error) {
	return opRevokeDeath.Run(ctx, &s.base, in, revokeDeath)
}

func revokeDeath(ctx context.Context, db dbx.DB, in RevokeDeathInput) (Patient, error) {
	row, err := changed{in.ID, in.Version}.lock(ctx, db)
	if err != nil {
		return Patient{}, err
	}
	if err := row.requireUsable(); err != nil {
		return Patient{}, err
	}
	if !row.IsDeceased {
		return Patient{}, ErrNotDeceased
	}
	row.setDeceased(false, time.Time{})
	row.DeathRevokedReason = in.Reason
	return save(ctx, db, row, eventDeathRevoked, deathColumns...)
}
