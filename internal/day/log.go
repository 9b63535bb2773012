package day

import (
	"crypto/rand"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
)

// WithLog gives the configuration a signer, so that the audit trail can be sealed.
func WithLog(t T) func(*hms.Config) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	var signer note.Signer
	if err == nil {
		signer, err = note.NewSigner(secret)
	}
	if err != nil {
		t.Errorf("the log's signer: %v", err)
		t.FailNow()
	}
	return func(c *hms.Config) {
		c.AuditLog = sealed.Config{Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public}}
	}
}
