package identity

import (
	"context"
	"strings"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
)

// maxLook bounds what a username or an address looks like, in bytes: an index holds it.
const maxLook = 2400

// userLookRow is one thing that an account may be taken for; nobody else of the tenant has it.
type userLookRow struct {
	bun.BaseModel `bun:"table:hms.user_look,alias:l"`
	dbx.Tenanted
	Kind   string `bun:"kind,pk"`
	Look   string `bun:"look,pk"`
	UserID hmstype.UserID
}

// checkLooks refuses names and addresses by which people could be deceived, whoever else has one.
func checkLooks(v *hmstype.Validator, p Profile) {
	names.CheckLook(v, p.Username, "username")
	looks := names.Looks(p.Username)
	v.Check(len(looks) > 0 || strings.TrimSpace(p.Username) == "", "username", "must have a letter or digit")
	for _, look := range looks {
		if len(look) > maxLook {
			v.Check(false, "username", "is too long when its signs are written out")
			break
		}
	}
	local, domain, _ := strings.Cut(p.Email, "@")
	names.CheckLook(v, local, "email")
	for label := range strings.SplitSeq(domain, ".") {
		names.CheckLook(v, label, "email")
	}
}

// storeLooks takes what an account may be taken for, in one order for all; [ErrUsernameTaken] or
// [ErrEmailTaken] where another account has some of it. See migrate/routine/identity/forget_looks.sql.
func storeLooks(ctx context.Context, db dbx.DB, user *userRow) error {
	_, err := db.Exec(ctx, `SELECT hms.forget_looks($1, $2)`, db.Tenant(), user.ID)
	if err != nil {
		return err
	}
	for _, of := range []struct {
		kind  string
		looks []string
		taken error
	}{
		{"email", names.EmailLooks(user.Email), ErrEmailTaken},
		{"username", names.Looks(user.Username), ErrUsernameTaken},
	} {
		for _, look := range of.looks {
			row := userLookRow{
				Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, Kind: of.kind, Look: look, UserID: user.ID,
			}
			free, err := dbx.InsertIfFree(ctx, db, &row)
			if err != nil {
				return err
			}
			if !free {
				return of.taken
			}
		}
	}
	return nil
}
