package encryption

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

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
// of the same field meanwhile wins. Repeat it until Outdated is 0: then the tenant has finished sealing, for good.
// From then on nothing is stored in clear where something is sealed ([ErrMustSeal]), and clear text there is
// refused ([ErrReplaced]), but in rows that never change and are from before encryption. So give every process the
// key before. Clear text that somebody put there is not sealed, for that would make it look genuine;
// [Service.Verify] counts it.
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
	if done > 0 { // what is made of sealed texts has no trail of its own
		if err := record(ctx, db, "reencrypt"); err != nil {
			return Progress{}, err
		}
	}
	left, err := s.base.Crypt.Outdated(ctx, db)
	if err == nil && left == 0 {
		err = s.base.Crypt.Close(ctx, db)
	}
	return Progress{Done: done, Outdated: left}, err
}
