package encryption

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

var opRotate = usecase.Command[usecase.None, int]{
	Name: "encryption.rotate", Permission: hmstype.PermEncryptionManage,
	Shows: usecase.Nobody[int]("the number of an epoch"),
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
	Name: "encryption.rewrap", Permission: hmstype.PermEncryptionManage,
	Shows: usecase.Nobody[usecase.None]("gives nothing"),
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
