package identity

import (
	"context"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// proof is what a right password proves.
type proof struct {
	user    User
	hasTOTP bool
}

// opProvePassword is the first step of what wants one's own password again.
var opProvePassword = usecase.Proof{
	Name: "identity.prove_password", Why: ownAccount,
	Quiet: "a wrong password is recorded, a right one by the act that it is for",
}.Declare()

// provePassword checks the actor's own password, with the throttling of a login. It is counted in
// the actor's session, so that no stranger's attempts can make him wait; 20 failures end it.
func (s *Service) provePassword(ctx context.Context, actor hmstype.Actor, password hmstype.Secret) (proof, error) {
	var v hmstype.Validator
	v.Required(password != "", "password")
	checkLength(&v, password, "password")
	if err := v.Err(); err != nil {
		return proof{}, err
	}
	from := origin{user: actor.User, session: actor.Session}
	var hash string
	var refused bool
	var out proof
	err := s.asSelf(ctx, opProvePassword, func(ctx context.Context, db dbx.DB) (err error) {
		if hash, refused, err = from.count(ctx, db); err != nil {
			return err
		}
		if out.user, err = s.loadUser(ctx, db, actor.User); err != nil {
			return err
		}
		out.hasTOTP, err = hasTOTP(ctx, db, actor.User)
		return err
	})
	if err != nil {
		return proof{}, err
	}
	if refused || out.user.Status != UserActive {
		hash = ""
	}
	fits, _, err := s.hasher.verify(ctx, hash, password)
	if err != nil {
		return proof{}, err
	}
	err = s.asSelf(ctx, opProvePassword, func(ctx context.Context, db dbx.DB) error {
		if !fits {
			return record(ctx, db, "login_failed", actor.User)
		}
		return from.forget(ctx, db)
	})
	if err == nil && !fits {
		s.sessions.clear() // it may have been one failure too many
		err = ErrLoginFailed
	}
	return out, err
}
