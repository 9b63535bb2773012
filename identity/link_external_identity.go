package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// LinkExternalIdentityInput says who somebody is at an identity provider.
type LinkExternalIdentityInput struct {
	User hmstype.UserID `json:"user"` // required
	ExternalSubject
}

// Validate implements the rules above.
func (in LinkExternalIdentityInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.User.IsZero(), "user")
	in.validate(&v)
	return v.Err()
}

var opLinkExternalIdentity = usecase.Command[LinkExternalIdentityInput, ExternalIdentity]{
	Name: "identity.link_external_identity", Permission: hmstype.PermIdentityManage,
	Shows: usecase.Nobody[ExternalIdentity](noPatient), RecentProof: true,
	Sample: LinkExternalIdentityInput{ExternalSubject: sampleSubject},
}.Declare()

var sampleSubject = ExternalSubject{Issuer: "https://login.example.org", Subject: "248289761001"}

// LinkExternalIdentity lets whom an identity provider names by issuer and subject sign in to a user's account by
// [Service.LoginExternal]. [ErrExternalIdentityTaken] where it is linked already, also to another user, whom the
// error does not name; [ErrDeactivated] for an account that is closed. The actor must hold what the
// user's roles allow, or [hmstype.PermIdentityEscalate]; to an account that waits for its person only the
// host's own actor links. [ErrApprovalRequired] for another administrator's account. [ErrProofRequired] for a
// person who has not proved himself just now.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) LinkExternalIdentity(ctx context.Context, in LinkExternalIdentityInput) (ExternalIdentity, error) {
	return giving(ctx, s, opLinkExternalIdentity, in, linkExternalIdentity)
}

func linkExternalIdentity(
	ctx context.Context, db dbx.DB, in LinkExternalIdentityInput, g granting,
) (ExternalIdentity, error) {
	user, err := dbx.Get[userRow](ctx, db, "user_account", in.User, dbx.ForShare)
	if err != nil {
		return ExternalIdentity{}, err
	}
	if user.Status == UserDeactivated {
		return ExternalIdentity{}, ErrDeactivated
	}
	if user.Status == UserInvited && db.Actor.Kind != hmstype.ActorSystem {
		// Its person has not come, and what he may is not decided: whoever plants a link now would be him then.
		return ExternalIdentity{}, hmstype.Denied(string(hmstype.PermAuthenticate))
	}
	if err := g.checkEntry(ctx, db, user); err != nil {
		return ExternalIdentity{}, err
	}
	row := externalIdentityRow{
		Header: dbx.NewHeader[hmstype.ExternalIdentityID](db), UserID: in.User, ExternalSubject: in.ExternalSubject,
	}
	return row.identity(), dbx.Insert(ctx, db, row)
}
