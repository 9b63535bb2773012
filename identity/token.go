package identity

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"github.com/chelal/hms/hmstype"
)

// The kinds of token, told by their beginning, so that scanners for leaked secrets find them.
const (
	sessionToken    = "hms_s_"
	apiKeyToken     = "hms_k_"
	resetToken      = "hms_r_"
	invitationToken = "hms_i_"
	deviceToken     = "hms_d_"
)

// tokenBytes is the length of the random part: 256 bits.
const tokenBytes = 32

// newToken makes a token of a tenant and its hash, of which only the hash is stored.
func newToken(kind string, tenant hmstype.TenantID) (token hmstype.Secret, hash []byte, err error) {
	body := make([]byte, len(tenant)+tokenBytes)
	copy(body, tenant[:])
	if _, err := rand.Read(body[len(tenant):]); err != nil {
		return "", nil, err
	}
	text := kind + base64.RawURLEncoding.EncodeToString(body)
	return hmstype.Secret(text), hashToken(text), nil
}

// hashToken needs no salt and no work factor: nobody guesses 256 bits.
func hashToken(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// TokenTenant tells the tenant that a token names, so that a host can route a request before
// it knows who asks. It says nothing about whether the token is valid: [ErrTokenInvalid] for
// text that is none of our tokens.
func TokenTenant(token hmstype.Secret) (hmstype.TenantID, error) {
	for _, kind := range []string{sessionToken, apiKeyToken, resetToken, invitationToken, deviceToken} {
		if tenant, err := parseToken(kind, token); err == nil {
			return tenant, nil
		}
	}
	return hmstype.TenantID{}, ErrTokenInvalid
}

func parseToken(kind string, token hmstype.Secret) (hmstype.TenantID, error) {
	var tenant hmstype.TenantID
	text, ok := strings.CutPrefix(token.Reveal(), kind)
	if !ok {
		return tenant, ErrTokenInvalid
	}
	body, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(body) != len(tenant)+tokenBytes {
		return tenant, ErrTokenInvalid
	}
	copy(tenant[:], body)
	return tenant, nil
}
