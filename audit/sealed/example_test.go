package sealed_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
)

// The trail is held against the data: every row must be what its events add up to.
func ExampleService_Verify() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		report, err := env.H.AuditLog.Verify(env.Ctx)
		for _, t := range report.Tables {
			if t.Table == "patient" {
				fmt.Println(t.Table, "rows:", t.Rows, "untold:", t.Untold, "unexplained:", t.Unexplained, "vanished:", t.Vanished)
			}
		}
		return err
	})
	// Output: patient rows: 1 untold: 0 unexplained: 0 vanished: 0
}

// Every minute the scheduler seals the trail: what was done so far is signed, and cannot be
// changed unnoticed. A witness (sealed.NewFileWitness) remembers it out of the database's reach.
func ExampleService_Seal() {
	secret, public, err := note.GenerateKey(rand.Reader, "hospital.example") // once, and kept safe
	if err != nil {
		fmt.Println(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		fmt.Println(err)
	}
	log := sealed.Config{Signer: signer, Verifiers: []string{public}}
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		for done := false; !done; { // somebody's transaction that is still open may keep it waiting
			report, err := env.H.AuditLog.Seal(env.Ctx, sealed.SealInput{})
			if err != nil {
				return err
			}
			if done = report.Sealed > 0; done {
				fmt.Println("signed by", signer.Name())
			}
		}
		report, err := env.H.AuditLog.VerifyLog(env.Ctx)
		fmt.Println("findings:", len(report.Findings))
		return err
	}, func(c *hms.Config) { c.AuditLog = log })
	// Output:
	// signed by hospital.example
	// findings: 0
}
