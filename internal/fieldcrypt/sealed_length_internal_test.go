package fieldcrypt

import (
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"github.com/chelal/hms/hmstype"
)

// The longest text, of the widest characters, in the last epoch that there can be, fills its column.
func TestSealedLength(t *testing.T) {
	t.Parallel()
	key, err := subtle.NewAESGCM(make([]byte, keyLength))
	require.NoError(t, err)
	subject := uuid.Must(uuid.NewV7())
	keys := Keys{
		tenant: hmstype.NewID[hmstype.TenantID](), epoch: math.MaxInt32,
		data: map[dataKeyID]tink.AEAD{{subject, math.MaxInt32}: key},
	}
	for _, n := range []int{1, 3, 4, 15, 30, 64, 100, 200, 254, 500, 1000, 2000, 20_000} {
		stored, err := keys.Seal(subject, "test", subject, strings.Repeat("\U0001F642", n))
		require.NoError(t, err)
		require.Len(t, stored, SealedLength(n), n)
	}
}
