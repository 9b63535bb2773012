package identity

import (
	"errors"
	"fmt"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// Errors of this package.
var (
	// ErrUsernameTaken: another user of the tenant has this name, up to case and Unicode form, or
	// one that looks like it (Unicode UTS #39).
	ErrUsernameTaken = fmt.Errorf("%w: username", hmstype.ErrAlreadyExists)
	// ErrEmailTaken: another user of the tenant has this e-mail address, or one that looks like it.
	ErrEmailTaken = fmt.Errorf("%w: e-mail", hmstype.ErrAlreadyExists)
	// ErrDeactivated: the account is closed for ever.
	ErrDeactivated = fmt.Errorf("%w: the user is deactivated", hmstype.ErrPrecondition)
	// ErrRoleNameTaken: another role of the tenant has this name.
	ErrRoleNameTaken = fmt.Errorf("%w: role name", hmstype.ErrAlreadyExists)
	// ErrTenantExists: the tenant was created before.
	ErrTenantExists = fmt.Errorf("%w: tenant", hmstype.ErrAlreadyExists)
	// ErrTenantDeleted: the tenant was deleted, and its id is nobody's any more (hms.HMS.DeleteTenant).
	ErrTenantDeleted = fmt.Errorf("%w: the tenant was deleted", hmstype.ErrPrecondition)
	// ErrPersonRequired: only a human user may do this.
	ErrPersonRequired = fmt.Errorf("%w: only a person may do this", hmstype.ErrPrecondition)
	// ErrLoginFailed: the name, the password or the code is wrong, or the account may not be
	// used now. It is one error on purpose: which of them it was is nobody's business.
	ErrLoginFailed = fmt.Errorf("%w: login failed", hmstype.ErrUnauthenticated)
	// ErrSecondFactorRequired: the password was right; the code of the second factor is wanted.
	// Only who knows the password learns that there is one.
	ErrSecondFactorRequired = fmt.Errorf("%w: a second factor is required", hmstype.ErrUnauthenticated)
	// ErrSessionEnded: the token is not, or no longer, one of a session or key.
	ErrSessionEnded = fmt.Errorf("%w: the session has ended", hmstype.ErrUnauthenticated)
	// ErrRotationRequired: the user's permissions changed; the session's token must be rotated.
	ErrRotationRequired = fmt.Errorf("%w: the session must be rotated", hmstype.ErrUnauthenticated)
	// ErrTokenInvalid: the token was used, has expired, or never was.
	ErrTokenInvalid = fmt.Errorf("%w: the token is not valid", hmstype.ErrUnauthenticated)
	// ErrAlreadyEnrolled: the user has a second factor already.
	ErrAlreadyEnrolled = fmt.Errorf("%w: second factor", hmstype.ErrAlreadyExists)
	// ErrCredentialTaken: the credential is registered already.
	ErrCredentialTaken = fmt.Errorf("%w: credential", hmstype.ErrAlreadyExists)
	// ErrProofRequired: the session is good; its person must prove anew who he is.
	ErrProofRequired = hmstype.ErrProofRequired
	// ErrExternalIdentityTaken: the identity of that provider is linked to an account already.
	ErrExternalIdentityTaken = fmt.Errorf("%w: external identity", hmstype.ErrAlreadyExists)
	// ErrReviewOverdue: an earlier break-glass grant of the user waits for its review too long.
	ErrReviewOverdue = fmt.Errorf("%w: an earlier break-glass grant is overdue for review", hmstype.ErrPrecondition)
	// ErrTooManyOpenGrants: the person has [MaxOpenBreakGlass] break-glass grants open; one must end first.
	ErrTooManyOpenGrants = fmt.Errorf("%w: too many break-glass grants are open", hmstype.ErrPrecondition)
	// ErrTooManyDailyGrants: the person got [MaxDailyBreakGlass] break-glass grants within 24 hours.
	ErrTooManyDailyGrants = fmt.Errorf("%w: too many break-glass grants within a day", hmstype.ErrPrecondition)
	// ErrOwnReview: nobody judges his own grant.
	ErrOwnReview = fmt.Errorf("%w: another person must review the grant", hmstype.ErrPrecondition)
	// ErrRelatedReviewer: the reviewer made the account of the grant's user within [RelatedWithin], or the user his.
	ErrRelatedReviewer = fmt.Errorf("%w: an unrelated person must review the grant", hmstype.ErrPrecondition)
	// ErrReviewed: the grant was judged already.
	ErrReviewed = fmt.Errorf("%w: the grant is reviewed already", hmstype.ErrPrecondition)
	// ErrOwnRoles: nobody gives himself roles, nor takes them from himself.
	ErrOwnRoles = fmt.Errorf("%w: another person must change these roles", hmstype.ErrPrecondition)
	// ErrDutyOverlap: the user has a duty of the same kind and place then; see [DutyOverlapError].
	ErrDutyOverlap = fmt.Errorf("%w: a duty of the user then", hmstype.ErrAlreadyExists)
	// ErrStandInTaken: somebody is planned to stand in for the duty then.
	ErrStandInTaken = fmt.Errorf("%w: a stand-in for the duty then", hmstype.ErrAlreadyExists)
	// ErrOwnStandIn: nobody stands in for himself, by whichever of his accounts.
	ErrOwnStandIn = fmt.Errorf("%w: another person must stand in", hmstype.ErrPrecondition)
	// ErrDutyCancelled: nobody stands in for a duty that was cancelled.
	ErrDutyCancelled = fmt.Errorf("%w: the duty is cancelled", hmstype.ErrPrecondition)
	// ErrDutyOver: the duty has ended, and stays as it was.
	ErrDutyOver = fmt.Errorf("%w: the duty has ended", hmstype.ErrPrecondition)
	// ErrDutyStoodInFor: somebody is planned to stand in for the duty; that is cancelled first.
	ErrDutyStoodInFor = fmt.Errorf("%w: somebody stands in for the duty", hmstype.ErrPrecondition)
	// ErrApprovalRequired: another person must approve this, because hms.Config.SeparationOfDuties keeps
	// [hmstype.PermIdentityManage] and [hmstype.PermIdentityApprove] apart: [Service.RequestAdministrator],
	// [Service.RequestRoleChange] or [Service.RequestSecondFactorReset] asks for it.
	ErrApprovalRequired = fmt.Errorf("%w: another person must approve this", hmstype.ErrPrecondition)
	// ErrRelatedApprover: the approver made the account of who asked within [RelatedWithin], or that one his.
	ErrRelatedApprover = fmt.Errorf("%w: an unrelated person must approve this", hmstype.ErrPrecondition)
	// ErrRequestExpired: the request is older than [ApprovalWithin]; who still wants it asks anew.
	ErrRequestExpired = fmt.Errorf("%w: the request has expired", hmstype.ErrPrecondition)
	// ErrOwnSecondFactor: another person must take it away; who still has it does so by [Service.DisableTOTP].
	ErrOwnSecondFactor = fmt.Errorf("%w: another person must reset this second factor", hmstype.ErrPrecondition)
	// ErrLastAdministrator: the use case would leave the tenant without an active administrator.
	ErrLastAdministrator = fmt.Errorf("%w: the last administrator stays", hmstype.ErrPrecondition)
)

// DutyOverlapError names the duty that is in the way; it is an [ErrDutyOverlap].
type DutyOverlapError struct {
	Duty   hmstype.DutyID // the one in the way
	Period hmstype.Period // its own
}

// Error implements error.
func (e *DutyOverlapError) Error() string {
	return fmt.Sprintf("%v: from %s to %s (duty %s)", ErrDutyOverlap,
		e.Period.Start.Format(time.RFC3339), e.Period.End.Format(time.RFC3339), e.Duty)
}

// Unwrap gives [ErrDutyOverlap].
func (e *DutyOverlapError) Unwrap() error { return ErrDutyOverlap }

var _ = dbx.Declare(dbx.Constraints{
	"tenant_pkey":               ErrTenantExists,
	"user_account_username_key": ErrUsernameTaken,
	"user_account_email_key":    ErrEmailTaken,
	"role_name_key":             ErrRoleNameTaken,
	"user_session_token_key":    hmstype.ErrAlreadyExists, // 256 random bits
	"user_device_token_key":     hmstype.ErrAlreadyExists,
	"api_key_token_key":         hmstype.ErrAlreadyExists,
	"webauthn_credential_key":   ErrCredentialTaken,
	"external_identity_key":     ErrExternalIdentityTaken,
	"duty_overlap_excl":         ErrDutyOverlap,
	"duty_stand_in_excl":        ErrStandInTaken,

	"access_change_approver_check": hmstype.ErrSeparationOfDuties,
	"access_change_subject_check":  ErrOwnRoles,
	"access_change_related_check":  ErrRelatedApprover,
	"access_change_expired_check":  ErrRequestExpired,
})

var _ = dbx.DeclareStates(dbx.States{
	"HM001": func(string) error { return hmstype.ErrInvalidTransition },
	"HM002": func(string) error { return fmt.Errorf("%w: the record is append-only", hmstype.ErrPrecondition) },
	"HM004": func(string) error { return ErrRelatedReviewer },
	"HM005": func(string) error { return ErrDeactivated },
	"HM008": func(string) error { return hmstype.Invalid("user", "must be who asks") },
	"HM006": func(string) error {
		return hmstype.Invalid("duty", "must be a planned one of another person, of one kind and place, and hold the period")
	},
	"HM010": func(string) error { return ErrTenantDeleted },
	"HM007": func(string) error { return ErrDutyStoodInFor },
	"HM003": func(bound string) error {
		if bound == boundDay {
			return ErrTooManyDailyGrants
		}
		return ErrTooManyOpenGrants
	},
})

var errBadHash = errors.New("identity: a stored password hash is malformed")
