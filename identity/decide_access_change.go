package identity

import (
	"context"
	"errors"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// DecideAccessChangeInput decides on a request.
type DecideAccessChangeInput struct {
	ID     hmstype.AccessChangeID `json:"id"`     // required
	Status AccessChangeStatus     `json:"status"` // approved or rejected
	Text   string                 `json:"text"`   // required for a rejection; up to 500 characters
}

// Validate implements the rules above.
func (in DecideAccessChangeInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	hmstype.OneOf(&v, in.Status, "status", AccessApproved, AccessRejected)
	minimum := 0
	if in.Status == AccessRejected {
		minimum = 1
	}
	v.Text(in.Text, "text", minimum, maxAccessReason)
	return v.Err()
}

var opDecideAccessChange = usecase.Command[DecideAccessChangeInput, AccessChange]{
	Name: "identity.decide_access_change", Permission: hmstype.PermIdentityApprove,
	Shows: usecase.Nobody[AccessChange](noPatient), RecentProof: true,
	Sample: DecideAccessChangeInput{Status: AccessRejected, Text: "Not known at the records office"},
}.Declare()

// DecideAccessChange approves a request, which does in the same transaction what was asked for, or rejects it. Who
// approves gives: he must hold what is given, or [hmstype.PermIdentityEscalate], as of now. It takes another person
// than who asked, by whatever account: [hmstype.ErrSeparationOfDuties]; neither who made that one's account within
// [RelatedWithin] before the request or since, nor whose account that one made: [ErrRelatedApprover]; and not whom it
// is about: [ErrOwnRoles], [ErrOwnSecondFactor]. A program decides nothing: [ErrPersonRequired]. [ErrRequestExpired]
// after [ApprovalWithin]; [hmstype.ErrStale] where the account or a role is no more what was asked of;
// [ErrLastAdministrator]; [ErrProofRequired] for who has not proved himself just now. Two who decide at
// once: the second gets [hmstype.ErrInvalidTransition].
// Permission: [hmstype.PermIdentityApprove].
func (s *Service) DecideAccessChange(ctx context.Context, in DecideAccessChangeInput) (AccessChange, error) {
	change, err := giving(ctx, s, opDecideAccessChange, in, decideAccessChange)
	s.cache.clear()
	s.sessions.clear()
	if errors.Is(err, ErrRelatedApprover) {
		s.base.RecordRefusal(ctx, opDecideAccessChange.Name, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "denied", Entity: "access_change", ID: in.ID.String()})
		})
	}
	return change, err
}

func decideAccessChange(ctx context.Context, db dbx.DB, in DecideAccessChangeInput, g granting) (AccessChange, error) {
	if db.Actor.Kind == hmstype.ActorService { // who asked may have made its key, in whosever name
		return AccessChange{}, ErrPersonRequired
	}
	return keepAdministrator(ctx, db, func() (AccessChange, error) {
		row, err := dbx.Step(ctx, db, accessChangeSteps, in.ID, dbx.Change[accessChangeRow, AccessChangeStatus]{
			To: in.Status, Reason: in.Text,
			Apply: func(row *accessChangeRow) error {
				row.decide(db, in.Text)
				if in.Status != AccessApproved {
					return nil
				}
				if err := mayApprove(ctx, db, row); err != nil {
					return err
				}
				return carryOut(ctx, db, row, g)
			},
		})
		return row.change(), err
	})
}

// mayApprove refuses who asked, whoever is related to him, and a request that is too old. Whether the host keeps the
// duties apart does not matter: where it does not, nobody needs to ask. In SQL:
// migrate/routine/identity/access_change_guard.sql.
func mayApprove(ctx context.Context, db dbx.DB, row *accessChangeRow) error {
	by := db.By()
	if row.CreatedBy.SamePerson(by) {
		return &hmstype.SeparationError{Pair: hmstype.SeparatedPair{
			First: hmstype.PermIdentityManage, Second: hmstype.PermIdentityApprove,
		}}
	}
	if !db.Now.Before(row.ExpiresAt) {
		return ErrRequestExpired
	}
	if row.CreatedBy.Person.IsZero() || by.Person.IsZero() { // the host's own actor is no person
		return nil
	}
	related, err := areRelated(ctx, db, []hmstype.UserID{row.CreatedBy.User, row.CreatedBy.Person}, row.CreatedAt)
	if err == nil && related {
		err = ErrRelatedApprover
	}
	return err
}

// carryOut does what was asked for, as of now.
func carryOut(ctx context.Context, db dbx.DB, row *accessChangeRow, g granting) error {
	if row.Kind == AccessRole {
		return changeRole(ctx, db, row, g)
	}
	user, err := dbx.Get[userRow](ctx, db, "user_account", row.UserID, dbx.ForUpdate)
	if err != nil {
		return err
	}
	if err := dbx.CheckVersion(&user, row.UserVersion); err != nil {
		return err
	}
	if row.Kind == AccessSecondFactor {
		return endSecondFactor(ctx, db, user, g)
	}
	return makeAdministrator(ctx, db, user, row.Roles, g)
}

func changeRole(ctx context.Context, db dbx.DB, row *accessChangeRow, g granting) error {
	role, err := dbx.Get[roleRow](ctx, db, "role", row.RoleID, dbx.ForUpdate)
	if err != nil {
		return err
	}
	if err := dbx.CheckVersion(&role, row.RoleVersion); err != nil {
		return err
	}
	if err := g.define(row.Permissions, role.Permissions); err != nil {
		return err
	}
	role.setDetails(row.RoleDetails)
	return dbx.Update(ctx, db, &role, "description", "permissions")
}

func makeAdministrator(ctx context.Context, db dbx.DB, user userRow, roles []RoleVersion, g granting) error {
	switch {
	case user.PersonID == db.By().Person:
		return ErrOwnRoles
	case user.Status == UserDeactivated:
		return ErrDeactivated
	}
	held, err := rolesOf(ctx, db, user.ID)
	if err != nil {
		return err
	}
	var given []roleRow
	for _, r := range roles {
		role, err := dbx.Get[roleRow](ctx, db, "role", r.ID)
		if err != nil {
			return err
		}
		if err := dbx.CheckVersion(&role, r.Version); err != nil {
			return err
		}
		if !slices.ContainsFunc(held, func(h roleRow) bool { return h.ID == r.ID }) {
			given = append(given, role)
		}
	}
	if len(held)+len(given) > maxRoles {
		return hmstype.Invalid("roles", tooManyRoles)
	}
	if err := g.checkRoles(given); err != nil {
		return err
	}
	if err := insertRoles(ctx, db, user.ID, given); err != nil {
		return err
	}
	return requireRotation(ctx, db, user.ID)
}
