package identity

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// The bounds of devices.
const (
	// DeviceTrust is how long a device is known after the last login from it.
	DeviceTrust = 180 * 24 * time.Hour
	// maxDevices is how many devices of one user are known; one more, and the least used is forgotten.
	maxDevices = 20
)

// Device is one from which a user has logged in, told by the token of [Login].
type Device struct {
	ID         hmstype.UserDeviceID `json:"id"`
	UserAgent  string               `json:"userAgent"`           // of the client at the last login
	CreatedAt  time.Time            `json:"createdAt,omitzero"`  // UTC, of the first login
	LastUsedAt time.Time            `json:"lastUsedAt,omitzero"` // UTC, of the last login
	ExpiresAt  time.Time            `json:"expiresAt,omitzero"`  // UTC, unless there is another login
}

type deviceRow struct {
	bun.BaseModel `bun:"table:hms.user_device,alias:d"`
	dbx.Tenanted
	ID         hmstype.UserDeviceID `bun:"id,pk"`
	UserID     hmstype.UserID
	TokenHash  []byte
	UserAgent  string
	CreatedAt  time.Time
	LastUsedAt time.Time
	ExpiresAt  time.Time
}

func (r deviceRow) device() Device {
	return Device{
		ID: r.ID, UserAgent: r.UserAgent,
		CreatedAt: r.CreatedAt.UTC(), LastUsedAt: r.LastUsedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// findDevice gives the user's device of a token, zero where it is not one, has expired or was forgotten.
func findDevice(
	ctx context.Context, db dbx.DB, user hmstype.UserID, token hmstype.Secret,
) (id hmstype.UserDeviceID, err error) {
	err = db.QueryRow(ctx, `SELECT id FROM hms.user_device
		WHERE tenant_id = $1 AND user_id = $2 AND token_hash = $3 AND expires_at > $4`,
		db.Tenant(), user, hashToken(token.Reveal()), db.Now).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return id, err
}

// rememberDevice prolongs the device from which a login came, or makes it one, and gives its token.
func rememberDevice(ctx context.Context, db dbx.DB, begun attempt, in LoginInput) (hmstype.Secret, error) {
	expires := db.Now.Add(DeviceTrust)
	if !begun.from.device.IsZero() {
		n, err := db.Exec(ctx, `UPDATE hms.user_device SET last_used_at = $1, expires_at = $2, user_agent = $3
			WHERE tenant_id = $4 AND id = $5`, db.Now, expires, in.UserAgent, db.Tenant(), begun.from.device)
		if err != nil || n == 1 {
			return in.Device, err
		}
	}
	token, hash, err := newToken(deviceToken, db.Tenant())
	if err != nil {
		return "", err
	}
	row := deviceRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.UserDeviceID](), UserID: begun.user,
		TokenHash: hash, UserAgent: in.UserAgent, CreatedAt: db.Now, LastUsedAt: db.Now, ExpiresAt: expires,
	}
	if err := dbx.Insert(ctx, db, row); err != nil {
		return "", err
	}
	_, err = db.Exec(ctx, `DELETE FROM hms.user_device WHERE tenant_id = $1 AND id IN (SELECT id FROM hms.user_device
		WHERE tenant_id = $1 AND user_id = $2 ORDER BY last_used_at DESC, id DESC OFFSET $3)`,
		db.Tenant(), begun.user, maxDevices)
	return token, err
}

// forgetDevices makes strangers of all of a user's devices.
func forgetDevices(ctx context.Context, db dbx.DB, user hmstype.UserID) error {
	_, err := db.Exec(ctx, `DELETE FROM hms.user_device WHERE tenant_id = $1 AND user_id = $2`, db.Tenant(), user)
	return err
}
