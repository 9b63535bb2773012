package identity

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// RequestRoleChangeInput asks for another description and other permissions of a role.
type RequestRoleChangeInput struct {
	Role    hmstype.RoleID `json:"role"`    // required
	Version int64          `json:"version"` // the role's version that the caller read; required
	RoleDetails
	Reason string `json:"reason"` // why; required, 3 to 500 characters
}

// Validate implements the rules above.
func (in RequestRoleChangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Role.IsZero(), "role")
	v.Check(in.Version >= 1, "version", "required")
	in.validate(&v)
	v.Text(in.Reason, "reason", 3, maxAccessReason)
	return v.Err()
}

var opRequestRoleChange = usecase.Command[RequestRoleChangeInput, AccessChange]{
	Name: "identity.request_role_change", Permission: hmstype.PermIdentityManage,
	Shows:  usecase.Nobody[AccessChange](noPatient),
	Sample: RequestRoleChangeInput{Version: 1, RoleDetails: sampleRole, Reason: "Nurses collect at night"},
}.Declare()

// RequestRoleChange asks that a role, a standard one mostly, be changed as [Service.UpdateRole] would. Nothing
// changes until another person approves by [Service.DecideAccessChange]. [hmstype.ErrStale] where somebody else was
// faster; invalid for a permission that neither the role has nor the catalogue.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) RequestRoleChange(ctx context.Context, in RequestRoleChangeInput) (AccessChange, error) {
	return opRequestRoleChange.Run(ctx, &s.base, in, s.requestRoleChange)
}

func (s *Service) requestRoleChange(ctx context.Context, db dbx.DB, in RequestRoleChangeInput) (AccessChange, error) {
	role, err := dbx.Get[roleRow](ctx, db, "role", in.Role)
	if err != nil {
		return AccessChange{}, err
	}
	if err := dbx.CheckVersion(&role, in.Version); err != nil {
		return AccessChange{}, err
	}
	var v hmstype.Validator
	for i, p := range in.Permissions {
		v.Check(s.base.Knows(p) || slices.Contains(role.Permissions, p), permissionPath(i), notInCatalogue)
	}
	if err := v.Err(); err != nil {
		return AccessChange{}, err
	}
	row := newAccessChange(db, AccessRole, in.Reason)
	row.RoleID, row.RoleVersion = role.ID, role.Version
	row.Description = in.Description
	row.Permissions = append(row.Permissions, in.Permissions...)
	return insertAccessChange(ctx, db, row)
}
