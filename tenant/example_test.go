package tenant_test

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/tenant"
)

// signed gives the configuration a key that signs.
func signed(c *hms.Config) {
	secret, public, err := note.GenerateKey(rand.Reader, "hospital.example")
	if err != nil {
		panic(err)
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		panic(err)
	}
	c.AuditLog = sealed.Config{Signer: signer, Verifiers: []string{public}}
}

// A hospital leaves: its data are handed out to be read, and as they are stored, and are then deleted. Why the trail
// need not be kept here is said, and stays in the signed record.
func ExampleLibrary_Delete() {
	hmstest.ExampleOwn(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		sink := shelf{}
		out := tenant.ExportInput{Tenant: env.Tenant, By: "ops", To: "the hospital", Sink: sink, Readable: true}
		if _, err := env.H.ExportTenant(env.Ctx, out); err != nil {
			return err
		}
		out.Readable = false
		stored, err := env.H.ExportTenant(env.Ctx, out)
		if err != nil {
			return err
		}
		in := tenant.DeleteInput{
			Tenant: env.Tenant, By: "ops", Basis: "the contract ended", Archive: stored.Sum,
			RetentionBasis: "the hospital keeps the archive", Delete: true,
		}
		gone, err := env.H.DeleteTenant(env.Ctx, in)
		if err != nil {
			return err
		}
		records, err := env.H.ListTenantRecords(env.Ctx, hms.Page{})
		if err != nil {
			return err
		}
		for _, r := range records.Items {
			fmt.Println(r.Number, r.Kind, cmp.Or(r.To, r.Basis))
		}
		fmt.Println("deleted:", gone.Deleted)
		return nil
	}, signed)
	// Output:
	// 1 handed-out the hospital
	// 2 handed-out the hospital
	// 3 deleted the contract ended; retention: the hospital keeps the archive
	// deleted: true
}
