package audit

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// Port is what the sealed log asks of the trail's rules inside the transaction of a use case that
// asked for its permission: how long events are kept, and what is kept from a patient.
type Port struct{ base usecase.Base }

// NewPort makes the port; hms.go calls it, and no host can name its parameter's type.
func NewPort(base usecase.Base) Port { return Port{base: base} }

// retentionLock makes a purge take turns with what may forbid it.
const retentionLock = "audit.retention"

// LockRetention keeps others from setting a policy or placing a hold until the transaction ends.
func (p Port) LockRetention(ctx context.Context, conn bun.IConn) error {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return err
	}
	return db.LockName(ctx, retentionLock)
}

// KeepPeriods gives how long each category of the tenant's events is kept.
func (p Port) KeepPeriods(ctx context.Context, conn bun.IConn) (map[Category]KeepPeriod, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	list, err := policies(ctx, db)
	if err != nil {
		return nil, dbx.Map(err)
	}
	return keepPeriods(list), nil
}

// SuspendedDisclosures gives the ids of those of a patient's disclosures that are kept from him
// now, as events have them in EntityID.
func (p Port) SuspendedDisclosures(ctx context.Context, conn bun.IConn, patient hmstype.PatientID) ([]string, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	ids, err := suspendedDisclosures(ctx, db, patient)
	return ids, dbx.Map(err)
}

// Readers gives the users, persons only, who were shown something of a patient, in the order of their ids.
func (p Port) Readers(ctx context.Context, conn bun.IConn, of ReadersOf) ([]hmstype.UserID, error) {
	db, err := p.base.DB.Join(ctx, conn)
	if err != nil {
		return nil, err
	}
	users, err := readers(ctx, db, of)
	return users, dbx.Map(err)
}
