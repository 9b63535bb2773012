package inbox

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
)

// Recipient is whom something is sent to: one user, or everybody who holds a role, now or
// later. Exactly one of the fields is set.
type Recipient struct {
	User hmstype.UserID `json:"user"`
	Role string         `json:"role"` // the name of a role of the tenant, such as identity.RoleNurse
}

func (r Recipient) validate(v *hmstype.Validator, path string) {
	v.Check(r.User.IsZero() != (r.Role == ""), path, "must name either a user or a role")
	names.CheckOptional(v, names.NameKey, r.Role, path+".role", 50)
}

// roleNamed gives the id of the tenant's role of this name, in any spelling; the zero id for no name.
func roleNamed(ctx context.Context, db dbx.DB, name string) (id hmstype.RoleID, err error) {
	if name == "" {
		return id, nil
	}
	err = db.QueryRow(
		ctx, `SELECT id FROM hms.role WHERE tenant_id = $1 AND name_key = $2`, db.Tenant(), names.NameKey(name),
	).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return id, &hmstype.Error{Entity: "role", Err: hmstype.ErrNotFound}
	}
	return id, err
}

// roleNames gives the names of some roles.
func roleNames(ctx context.Context, db dbx.DB, ids []hmstype.RoleID) (map[hmstype.RoleID]string, error) {
	names := map[hmstype.RoleID]string{}
	for _, id := range ids {
		if !id.IsZero() {
			names[id] = ""
		}
	}
	if len(names) == 0 {
		return names, nil
	}
	wanted := make([]string, 0, len(names))
	for id := range names {
		wanted = append(wanted, id.String())
	}
	return names, scanEach(ctx, db, func(rows *sql.Rows) error {
		var id hmstype.RoleID
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return err
		}
		names[id] = name
		return nil
	}, `SELECT id, name FROM hms.role WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`, db.Tenant(), wanted)
}

// heldRoles gives the roles that the actor holds now; none for the host's system actor.
func heldRoles(ctx context.Context, db dbx.DB) (roles []hmstype.RoleID, err error) {
	err = scanEach(ctx, db, func(rows *sql.Rows) error {
		var id hmstype.RoleID
		err := rows.Scan(&id)
		roles = append(roles, id)
		return err
	}, `SELECT role_id FROM hms.user_role WHERE tenant_id = $1 AND user_id = $2
		ORDER BY role_id`, db.Tenant(), db.Actor.User)
	return roles, err
}

// requireActive refuses users of whom one is unknown or may not act. Their rows are shared
// until the transaction ends, so that nobody is locked or deactivated meanwhile.
func requireActive(ctx context.Context, db dbx.DB, users ...hmstype.UserID) error {
	active := map[hmstype.UserID]bool{}
	err := scanEach(ctx, db, func(rows *sql.Rows) error {
		var id hmstype.UserID
		var status string
		err := rows.Scan(&id, &status)
		active[id] = status == "active"
		return err
	}, `SELECT id, status FROM hms.user_account WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR SHARE`,
		db.Tenant(), idTexts(users))
	if err != nil {
		return err
	}
	for _, user := range users {
		isActive, known := active[user]
		switch {
		case !known:
			return hmstype.NotFound("user_account", user)
		case !isActive:
			return &hmstype.Error{Entity: "user_account", ID: user.String(), Err: ErrUserInactive}
		}
	}
	return nil
}

// scanEach runs a query and gives each of its rows to scan.
func scanEach(ctx context.Context, db dbx.DB, scan func(*sql.Rows) error, query string, args ...any) (err error) {
	rows, err := db.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// idTexts gives ids as a uuid[] parameter takes them.
func idTexts[I dbx.Entity](ids []I) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = id.String()
	}
	return out
}

// contains tells whether a role is among those held; the zero id never is.
func contains(roles []hmstype.RoleID, id hmstype.RoleID) bool {
	return !id.IsZero() && slices.Contains(roles, id)
}
