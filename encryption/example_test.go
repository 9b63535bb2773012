package encryption_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/patient"
)

// atTheDesk registers somebody with a telephone number, which is sealed under a key of the person's own.
func atTheDesk(env *hmstest.Env) (patient.Patient, error) {
	return env.H.Patient.Register(env.Ctx, patient.RegisterInput{Details: patient.Details{
		FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale, PhoneNumber: "+44 20 7946 0000",
	}})
}

// Once a year new keys, without a pause: what is old is sealed anew step by step, while people work.
func ExampleService_Rotate() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		p, err := atTheDesk(env)
		if err != nil {
			return err
		}
		epoch, err := env.H.Encryption.Rotate(env.Ctx)
		if err != nil {
			return err
		}
		for {
			step, err := env.H.Encryption.Reencrypt(env.Ctx, encryption.ReencryptInput{Limit: 1000})
			if err != nil {
				return err
			}
			if step.Outdated == 0 {
				break
			}
		}
		p, err = env.H.Patient.Get(env.Ctx, p.ID)
		fmt.Println("epoch", epoch, "reads", p.PhoneNumber)
		return err
	})
	// Output: epoch 2 reads +44 20 7946 0000
}

// The database holds no telephone number that one could read.
func Example_sealedAtRest() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		p, err := atTheDesk(env)
		if err != nil {
			return err
		}
		var stored string
		err = env.DB.NewRaw(`SELECT phone_number FROM hms.patient WHERE id = ?`, p.ID).Scan(env.Ctx, &stored)
		if err != nil {
			return err
		}
		found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{PhoneNumber: "+44 (20) 7946-0000"})
		fmt.Println("in clear:", stored == p.PhoneNumber, "found by it all the same:", len(found.Items))
		return err
	})
	// Output: in clear: false found by it all the same: 1
}

// Somebody asks to be forgotten: his keys are destroyed, and what they sealed is gone, also from the
// audit trail and from every copy.
func ExampleService_Erase() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		p, err := atTheDesk(env)
		if err != nil {
			return err
		}
		_, err = env.H.Encryption.Erase(env.Ctx, encryption.EraseInput{
			Patient: p.ID, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "consent was withdrawn"},
		})
		if err != nil {
			return err
		}
		p, err = env.H.Patient.Get(env.Ctx, p.ID)
		fmt.Printf("erased: %t, telephone: %q\n", p.Erased, p.PhoneNumber)
		return err
	})
	// Output: erased: true, telephone: ""
}

// While a court needs the record, nobody is forgotten.
func ExampleService_Erase_underLegalHold() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		p, err := atTheDesk(env)
		if err != nil {
			return err
		}
		_, err = env.H.Audit.PlaceLegalHold(env.Ctx, audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{
			Patient: p.ID, Reason: "case 17/2026",
		}})
		if err != nil {
			return err
		}
		_, err = env.H.Encryption.Erase(env.Ctx, encryption.EraseInput{
			Patient: p.ID, ErasureDetails: encryption.ErasureDetails{Basis: "GDPR 17(1)(b)", Reason: "consent was withdrawn"},
		})
		fmt.Println(errors.Is(err, encryption.ErrHeld))
		return nil
	})
	// Output: true
}

// Nothing in clear stands where the hospital finished sealing.
func ExampleService_Verify() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		if _, err := atTheDesk(env); err != nil {
			return err
		}
		report, err := env.H.Encryption.Verify(env.Ctx)
		fmt.Println(report)
		return err
	})
	// Output: clean: sealed columns
}
