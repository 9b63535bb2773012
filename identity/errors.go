package identity

import (
	"fmt"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrUsernameTaken: another user of the tenant has this name, up to case and Unicode form.
	ErrUsernameTaken = fmt.Errorf("%w: username", hmstype.ErrAlreadyExists)
	// ErrEmailTaken: another user of the tenant has this e-mail address.
	ErrEmailTaken = fmt.Errorf("%w: e-mail", hmstype.ErrAlreadyExists)
	// ErrRoleNameTaken: another role of the tenant has this name.
	ErrRoleNameTaken = fmt.Errorf("%w: role name", hmstype.ErrAlreadyExists)
	// ErrTenantExists: the tenant was created before.
	ErrTenantExists = fmt.Errorf("%w: tenant", hmstype.ErrAlreadyExists)
	// ErrLastAdministrator: the deed would leave the tenant without an active administrator.
	ErrLastAdministrator = fmt.Errorf("%w: the last administrator stays", hmstype.ErrPrecondition)
)

var _ = dbx.Declare(dbx.Constraints{
	"tenant_pkey":               ErrTenantExists,
	"user_account_username_key": ErrUsernameTaken,
	"user_account_email_key":    ErrEmailTaken,
	"role_name_key":             ErrRoleNameTaken,
})

var _ = dbx.DeclareStates(dbx.States{
	"HM001": func(string) error { return hmstype.ErrInvalidTransition },
	"HM002": func(string) error { return fmt.Errorf("%w: the record is append-only", hmstype.ErrPrecondition) },
})
