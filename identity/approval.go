package identity

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
)

// administrative are the permissions that make an administrator: who holds one lets others in, gives them what he
// does not hold, or approves that others do.
var administrative = []hmstype.Permission{
	hmstype.PermIdentityManage, hmstype.PermIdentityEscalate, hmstype.PermIdentityApprove,
}

func administers(permissions []hmstype.Permission) bool {
	return slices.ContainsFunc(permissions, func(p hmstype.Permission) bool { return slices.Contains(administrative, p) })
}

// isStandard tells whether a role is one that every tenant begins with; its name never changes.
func isStandard(role roleRow) bool {
	return slices.ContainsFunc(standardRoles, func(r standardRole) bool { return names.NameKey(r.Name) == role.NameKey })
}

// mustAsk tells whether the actor must ask another person for what makes an administrator: the host keeps the two
// duties apart. The host's own actor, who makes the first administrator, need not.
func (s *Service) mustAsk(actor hmstype.Actor) bool {
	return actor.Kind != hmstype.ActorSystem && s.base.KeepsApart(hmstype.PermIdentityManage, hmstype.PermIdentityApprove)
}

// administrate refuses to make an administrator without another person's approval.
func (g granting) administrate(roles []roleRow) error {
	if g.mustAsk && slices.ContainsFunc(roles, func(r roleRow) bool { return administers(r.Permissions) }) {
		return ErrApprovalRequired
	}
	return nil
}

// redefine refuses to change what a standard role allows without another person's approval, and to make
// administrators of those who have any other role.
func (g granting) redefine(role roleRow, permissions []hmstype.Permission) error {
	added, taken := apart(permissions, role.Permissions), apart(role.Permissions, permissions)
	changesStandard := isStandard(role) && len(added)+len(taken) > 0
	if g.mustAsk && (changesStandard || administers(added)) {
		return ErrApprovalRequired
	}
	return nil
}

// apart gives the permissions that are not among the others.
func apart(permissions, others []hmstype.Permission) []hmstype.Permission {
	return slices.DeleteFunc(slices.Clone(permissions), func(p hmstype.Permission) bool {
		return slices.Contains(others, p)
	})
}

// checkEntry refuses to change by what somebody enters an account that may do what the actor may not: whoever
// enters it is this user, and has what its roles allow. Into another administrator's no single person gets, or
// he could approve by it what he asks for: his roles are taken first, and asked for anew.
func (g granting) checkEntry(ctx context.Context, db dbx.DB, user userRow) error {
	roles, err := rolesOf(ctx, db, user.ID)
	if err != nil {
		return err
	}
	if err := g.checkRoles(roles); err != nil || user.PersonID == db.By().Person {
		return err
	}
	return g.administrate(roles)
}
