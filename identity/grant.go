package identity

import (
	"context"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// granting is what an actor may give to others. Nobody gives what he does not hold, and a program
// nothing outside the scopes of its key, by whatever way: a role, its change, the roles of a user, a
// key, or what the account of another is entered by. The host's own actor and who holds
// [hmstype.PermIdentityEscalate] may give all, as in Kubernetes' RBAC.
type granting struct {
	all       bool
	held      map[hmstype.Permission]bool
	catalogue []hmstype.Permission // what there is to give: the library's permissions and the host's own
	mustAsk   bool                 // another person must approve what makes an administrator; see [Service.mustAsk]
}

// mayGrant asks what the actor holds. It is asked before the transaction, as an Authorizer may need a
// connection of its own; [granting.check] refuses inside it, when it is known what is to be given.
func (s *Service) mayGrant(ctx context.Context) (granting, error) {
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		return granting{}, err
	}
	if actor.Kind == hmstype.ActorSystem {
		return granting{all: true, catalogue: s.base.Catalogue()}, nil
	}
	g := granting{
		held: map[hmstype.Permission]bool{}, catalogue: s.base.Catalogue(), mustAsk: s.mustAsk(actor),
	}
	if g.all, err = s.base.Allows(ctx, hmstype.PermIdentityEscalate); err != nil || g.all {
		return g, err
	}
	for _, p := range g.catalogue {
		if g.held[p], err = s.base.Allows(ctx, p); err != nil {
			return g, err
		}
	}
	return g, nil
}

// check refuses to give a permission that the actor does not hold.
func (g granting) check(permissions []hmstype.Permission) error {
	for _, p := range permissions {
		if !g.all && !g.held[p] {
			return hmstype.Denied(string(p))
		}
	}
	return nil
}

// define refuses to write down a permission that is in no catalogue, or that the actor does not hold; what is kept
// of before may stay, also one that the host declares no more.
func (g granting) define(permissions, kept []hmstype.Permission) error {
	var v hmstype.Validator
	var added []hmstype.Permission
	for i, p := range permissions {
		if slices.Contains(kept, p) {
			continue
		}
		v.Check(slices.Contains(g.catalogue, p), permissionPath(i), notInCatalogue)
		added = append(added, p)
	}
	if err := v.Err(); err != nil {
		return err
	}
	return g.check(added)
}

// checkRoles refuses to give roles that allow what the actor does not hold.
func (g granting) checkRoles(roles []roleRow) error {
	for _, r := range roles {
		if err := g.check(r.Permissions); err != nil {
			return err
		}
	}
	return nil
}

// giving runs a use case that gives permissions away.
func giving[In usecase.Validator, Out any](
	ctx context.Context, s *Service, op *usecase.Command[In, Out], in In,
	rule func(context.Context, dbx.DB, In, granting) (Out, error),
) (Out, error) {
	g, err := s.mayGrant(ctx)
	if err != nil {
		var none Out
		return none, &hmstype.Error{Op: op.Name, Err: err}
	}
	return op.Run(ctx, &s.base, in, func(ctx context.Context, db dbx.DB, in In) (Out, error) {
		return rule(ctx, db, in, g)
	})
}
