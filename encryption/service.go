package encryption

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// ErrOff: no key-encryption key is configured, so there is nothing to turn; a precondition.
var ErrOff = fieldcrypt.ErrOff

// ErrErased: the person was erased, so nothing is sealed for him any more; a precondition.
var ErrErased = fieldcrypt.ErrErased

// Service turns the keys of the actor's tenant.
type Service struct {
	base usecase.Base
}

// New makes the service; hms.New calls it.
func New(base usecase.Base) *Service { return &Service{base: base} }

var opRotate = usecase.Command[usecase.None, int]{
	Name: "encryption.rotate", Permission: hmstype.PermEncryptionManage, Shows: usecase.Nobody[int]("the number of an epoch"),
}.Declare()

// Rotate begins a new epoch of keys and gives its number, from 2. What was sealed before
// stays readable; see [Service.Reencrypt].
// Permission: [hmstype.PermEncryptionManage].
func (s *Service) Rotate(ctx context.Context) (int, error) {
	return opRotate.Run(ctx, &s.base, usecase.None{}, s.rotate)
}

func (s *Service) rotate(ctx context.Context, db dbx.DB, _ usecase.None) (int, error) {
	epoch, err := s.base.Crypt.Rotate(ctx, db)
	if err != nil {
		return 0, err
	}
	return epoch, record(ctx, db, "rotate")
}

var opRewrap = usecase.Command[usecase.None, usecase.None]{
	Name: "encryption.rewrap", Permission: hmstype.PermEncryptionManage, Shows: usecase.Nobody[usecase.None]("gives nothing"),
}.Declare()

// Rewrap wraps the tenant's keys anew by the host's key: to be called for every tenant after
// that key has got a new version, and before the old version is destroyed.
// Permission: [hmstype.PermEncryptionManage].
func (s *Service) Rewrap(ctx context.Context) error {
	_, err := opRewrap.Run(ctx, &s.base, usecase.None{}, s.rewrap)
	return err
}

func (s *Service) rewrap(ctx context.Context, db dbx.DB, in usecase.None) (usecase.None, error) {
	if err := s.base.Crypt.Rewrap(ctx, db); err != nil {
		return in, err
	}
	return in, record(ctx, db, "rewrap")
}

func record(ctx context.Context, db dbx.DB, action string) error {
	return db.RecordAccess(ctx, dbx.Access{Action: action, Entity: "tenant_keyset", ID: db.Tenant().String()})
}

// ReencryptInput bounds one step.
type ReencryptInput struct {
	Limit int `json:"limit"` // fields of this step, 1 to 10,000; zero means 500
}

// defaultStep keeps the transaction of one step short.
const defaultStep = 500

// Validate implements the rules above.
func (in ReencryptInput) Validate() error {
	var v hmstype.Validator
	v.Check(in.Limit >= 0 && in.Limit <= 10_000, "limit", "must lie between 0 and 10000")
	return v.Err()
}

// Progress tells how far a re-encryption is.
type Progress struct {
	Done     int   `json:"done"`     // fields that this step sealed
	Outdated int64 `json:"outdated"` // fields that are left
}

var opReencrypt = usecase.Command[ReencryptInput, Progress]{
	Name: "encryption.reencrypt", Permission: hmstype.PermEncryptionManage, Shows: usecase.Nobody[Progress]("counts only"),
	Sample: ReencryptInput{Limit: 10},
}.Declare()

// Reencrypt seals the next fields that no key of the current epoch seals. Somebody's change
// of the same field meanwhile wins. Repeat it until Outdated is 0.
// Permission: [hmstype.PermEncryptionManage].
func (s *Service) Reencrypt(ctx context.Context, in ReencryptInput) (Progress, error) {
	return opReencrypt.Run(ctx, &s.base, in, s.reencrypt)
}

func (s *Service) reencrypt(ctx context.Context, db dbx.DB, in ReencryptInput) (Progress, error) {
	limit := in.Limit
	if limit == 0 {
		limit = defaultStep
	}
	done, err := s.base.Crypt.Reencrypt(ctx, db, limit)
	if err != nil {
		return Progress{}, err
	}
	left, err := s.base.Crypt.Outdated(ctx, db)
	return Progress{Done: done, Outdated: left}, err
}
