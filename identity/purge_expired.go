package identity

import (
	"context"
	"time"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// PurgeExpiredInput says as of when what has expired goes.
type PurgeExpiredInput struct {
	AsOf time.Time `json:"asOf,omitzero"` // required; not in the future
}

// Validate requires the instant.
func (in PurgeExpiredInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.AsOf.IsZero(), "asOf")
	return v.Err()
}

// Purged counts the rows that went.
type Purged struct {
	Sources int64 `json:"sources"` // counts of failed attempts by source or unknown name, forgotten since
	Tokens  int64 `json:"tokens"`  // for a new password or an invitation, expired
	Devices int64 `json:"devices"` // from which nobody has logged in for [DeviceTrust]
	// Sessions that were over for [SessionsKept]; the newest one of each user stays, as it tells when he
	// was last here.
	Sessions int64 `json:"sessions"`
}

// SessionsKept is how long a session that is over can be listed; its logins stay on the trail.
const SessionsKept = 90 * 24 * time.Hour

var opPurgeExpired = usecase.Command[PurgeExpiredInput, Purged]{
	Name: "identity.purge_expired", Permission: hmstype.PermIdentityManage, Shows: usecase.Nobody[Purged](noPatient),
	MayBeIdle: "nothing has expired since", Sample: PurgeExpiredInput{AsOf: usecase.SampleAt},
}.Declare()

// PurgeExpired removes what strangers and the forgetful leave behind and what serves no more: counts of
// failed attempts that are forgotten, expired tokens and devices, sessions that are long over. What
// happened stays on the trail. It is idempotent: run it as often as you like, once an hour is enough;
// between two runs the rows are bounded by the attempts of a quarter of an hour, as each new one removes
// two that are forgotten.
// Permission: [hmstype.PermIdentityManage].
func (s *Service) PurgeExpired(ctx context.Context, in PurgeExpiredInput) (Purged, error) {
	return opPurgeExpired.Run(ctx, &s.base, in, purgeExpired)
}

func purgeExpired(ctx context.Context, db dbx.DB, in PurgeExpiredInput) (Purged, error) {
	var gone Purged
	if in.AsOf.After(db.Now) {
		return gone, hmstype.Invalid("asOf", "must not lie in the future")
	}
	for _, of := range []struct {
		count     *int64
		statement string
		until     time.Time
	}{
		{&gone.Sources, `DELETE FROM hms.login_source WHERE tenant_id = $1 AND last_failure_at < $2`,
			forgotten(in.AsOf)},
		{&gone.Tokens, `DELETE FROM hms.user_token WHERE tenant_id = $1 AND expires_at <= $2`, in.AsOf},
		{&gone.Sessions, `DELETE FROM hms.user_session AS s WHERE s.tenant_id = $1
			AND least(s.ended_at, s.expires_at) < $2 AND EXISTS (SELECT 1 FROM hms.user_session AS newer
				WHERE newer.tenant_id = $1 AND newer.user_id = s.user_id AND newer.started_at > s.started_at)`,
			in.AsOf.Add(-SessionsKept)},
		{&gone.Devices, `DELETE FROM hms.user_device WHERE tenant_id = $1 AND expires_at <= $2`, in.AsOf},
	} {
		n, err := db.Exec(ctx, of.statement, db.Tenant(), of.until)
		if err != nil {
			return Purged{}, err
		}
		*of.count = n
	}
	if gone == (Purged{}) {
		return gone, nil
	}
	return gone, db.RecordAccess(ctx, dbx.Access{Action: "purge", Entity: "login_source"})
}
