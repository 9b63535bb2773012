package usecase

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Catalogue gives every permission that there is here: the library's, then the host's own.
func (b *Base) Catalogue() []hmstype.Permission {
	all := hmstype.Permissions()
	for _, p := range b.Permissions {
		all = append(all, p.Name)
	}
	return all
}

// Knows tells whether the catalogue holds a permission.
func (b *Base) Knows(permission hmstype.Permission) bool {
	return slices.Contains(b.Catalogue(), permission)
}

// Require is the question of every use case, for what is none of ours: a refusal is recorded under the name.
func (b *Base) Require(ctx context.Context, name string, permission hmstype.Permission) error {
	if !b.Knows(permission) {
		return hmstype.Invalid("permission", "must be in the catalogue")
	}
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return err
	}
	err = dbx.Map(b.authorize(ctx, actor, permission))
	if hmstype.KindOf(err) == hmstype.KindPermissionDenied {
		b.recordDenial(ctx, Op{Name: name}, dbx.Access{Action: "denied", Entity: "permission", ID: string(permission)})
	}
	return err
}
