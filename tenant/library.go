package tenant

import (
	"context"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/internal/usecase"
)

// Library is what a tenant's life needs of the rest; hms.go fills it in.
type Library struct {
	handle dbx.Handle
	crypt  *fieldcrypt.Cipher
	config sealed.Config
	seal   Seal
	trail  audit.Port
}

// Seal puts the events of the actor's tenant into its log, and tells whether there are more.
type Seal func(ctx context.Context) (more bool, err error)

// New makes the library; hms.go calls it.
func New(handle dbx.Handle, crypt *fieldcrypt.Cipher, config sealed.Config, seal Seal) *Library {
	handle = handle.Unbound()
	// What concerns a whole installation is on a handle of its own, so nobody else can make its port.
	return &Library{
		handle: handle, crypt: crypt, config: config, seal: seal, trail: audit.NewPort(usecase.Base{DB: handle}),
	}
}

// result gives an error as hosts see it.
func result(op string, err error) error {
	if err = dbx.Map(err); err != nil {
		return &hmstype.Error{Op: op, Err: err}
	}
	return nil
}

// signer refuses a configuration without a key to sign with.
func (l *Library) ready() error {
	if err := l.config.Validate(); err != nil {
		return err
	}
	if l.config.Signer == nil {
		return sealed.ErrNoSigner
	}
	return nil
}

// inTenant runs one step in the owner's transaction, turned to a tenant.
func (l *Library) inTenant(
	ctx context.Context, op, by string, tenant hmstype.TenantID, fn func(context.Context, dbx.Owner, dbx.DB) error,
) error {
	return l.handle.AsOwner(ctx, op, by, turned(tenant, fn))
}

// inSnapshot is [Library.inTenant] for a transaction that only reads, and sees one state.
func (l *Library) inSnapshot(
	ctx context.Context, op, by string, tenant hmstype.TenantID, fn func(context.Context, dbx.Owner, dbx.DB) error,
) error {
	return l.handle.AsOwnerSnapshot(ctx, op, by, turned(tenant, fn))
}

func turned(
	tenant hmstype.TenantID, fn func(context.Context, dbx.Owner, dbx.DB) error,
) func(context.Context, dbx.Owner) error {
	return func(ctx context.Context, tx dbx.Owner) error {
		ctx, db, err := tx.Tenant(ctx, tenant)
		if err != nil {
			return err
		}
		return fn(ctx, tx, db.Replanned())
	}
}

// plainTexts are the settings under which PostgreSQL writes and reads a value's text in one way.
var plainTexts = []string{
	`SET LOCAL timezone = 'UTC'`, `SET LOCAL datestyle = 'ISO, YMD'`, `SET LOCAL intervalstyle = 'postgres'`,
	`SET LOCAL bytea_output = 'hex'`, `SET LOCAL extra_float_digits = 1`,
}

func setPlainTexts(ctx context.Context, db dbx.DB) error {
	for _, s := range plainTexts {
		if _, err := db.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// pause waits between two tries.
func pause(ctx context.Context) error {
	timer := time.NewTimer(200 * time.Millisecond)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
