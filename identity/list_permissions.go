package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PermissionInfo describes a permission that roles and API keys may hold.
type PermissionInfo struct {
	Name hmstype.Permission `json:"name"`
	// Description says what it allows: the library's in English, the host's in its own words.
	Description string `json:"description"`
	Host        bool   `json:"host"` // of the host's own program; see [hmstype.HostPermission]
}

var opListPermissions = usecase.Query[usecase.None, []PermissionInfo]{
	Name: "identity.list_permissions", Permission: hmstype.PermIdentityRead,
	Shows: usecase.Nobody[[]PermissionInfo](noPatient), Quiet: noPatient,
}.Declare()

// ListPermissions lists what roles and API keys may hold: the library's permissions by area, then the host's own in
// the order of hms.Config.Permissions.
// Permission: [hmstype.PermIdentityRead].
func (s *Service) ListPermissions(ctx context.Context) ([]PermissionInfo, error) {
	return opListPermissions.Run(ctx, &s.base, usecase.None{}, s.permissions)
}

func (s *Service) permissions(context.Context, dbx.DB, usecase.None) ([]PermissionInfo, error) {
	var list []PermissionInfo
	for _, p := range hmstype.Permissions() {
		list = append(list, PermissionInfo{Name: p, Description: p.Description()})
	}
	for _, p := range s.base.Permissions {
		list = append(list, PermissionInfo{Name: p.Name, Description: p.Description, Host: true})
	}
	return list, nil
}
