package usecase

import (
	"context"

	"github.com/chelal/hms/hmstype"
)

// TheActor names the actor himself as the practitioner of a command, by the account that he uses: another one
// of the same person may have other roles. The host's own actor is nobody, and is not asked.
func TheActor[In any](_ In, actor hmstype.Actor) hmstype.UserID { return actor.User }

// requireTreats refuses a practitioner whose account is not active or whose roles do not treat:
// [hmstype.PractitionerError]. Whether he may is asked of the Authorizer as of himself, with nothing
// of what the actor holds; a zero id is nobody and passes.
func (b *Base) requireTreats(ctx context.Context, actor hmstype.Actor, practitioner hmstype.UserID) error {
	if practitioner.IsZero() {
		return nil
	}
	treats, err := b.holds(ctx, hmstype.HumanActor(actor.Tenant, practitioner), hmstype.PermTreat)
	if err != nil || treats {
		return err
	}
	return &hmstype.PractitionerError{User: practitioner}
}
