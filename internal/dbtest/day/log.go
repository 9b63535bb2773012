package day

import (
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
)

// WithLog gives the configuration a signer, so that the audit trail can be sealed.
func WithLog(tb testing.TB) func(*hms.Config) {
	tb.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(tb, err)
	signer, err := note.NewSigner(secret)
	require.NoError(tb, err)
	return func(c *hms.Config) {
		c.AuditLog = sealed.Config{Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public}}
	}
}
