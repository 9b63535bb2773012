package patient_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// A desk asks before it registers somebody who may be registered already.
func ExampleDuplicateError() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk := env.As(tb, identity.RoleReceptionist)
		in := patient.RegisterInput{Details: patient.Details{
			FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale, BirthDate: hmstype.NewDate(1985, 12, 10),
		}}
		if _, err := env.H.Patient.Register(desk, in); err != nil {
			return err
		}
		in.FirstName = "Ada Augusta"
		_, err := env.H.Patient.Register(desk, in)
		var duplicate *patient.DuplicateError
		if errors.As(err, &duplicate) {
			fmt.Println(len(duplicate.Candidates), "to look at; kind", hmstype.KindOf(err))
		}
		in.OverrideReason = "another person, passport seen"
		p, err := env.H.Patient.Register(desk, in)
		fmt.Println("number", p.MRN, err)
		return nil
	})
	// Output:
	// 1 to look at; kind already_exists
	// number 000000021 <nil>
}

// The beginnings of names will do, in any order.
func ExampleService_Search() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk := env.As(tb, identity.RoleReceptionist)
		for _, name := range [][2]string{{"Ada", "Lovelace"}, {"Grace", "Hopper"}} {
			_, err := env.H.Patient.Register(desk, patient.RegisterInput{
				Details: patient.Details{FirstName: name[0], LastName: name[1], Gender: patient.GenderFemale},
			})
			if err != nil {
				return err
			}
		}
		found, err := env.H.Patient.Search(desk, patient.SearchInput{Name: "hop gra"})
		for _, p := range found.Items {
			fmt.Println(p.LastName, p.FirstName)
		}
		return err
	})
	// Output: Hopper Grace
}

// Two desks change one record: who read an older version is told, and reads again.
func ExampleService_Update() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk, p := env.As(tb, identity.RoleReceptionist), env.Patient(tb)
		in := patient.UpdateInput{ID: p.ID, Version: p.Version, Details: p.Details}
		in.PhoneNumber = "+254 20 555 0100"
		changed, err := env.H.Patient.Update(desk, in)
		if err != nil {
			return err
		}
		in.PhoneNumber = "+254 20 555 0199"
		_, err = env.H.Patient.Update(desk, in) // still the first version
		fmt.Println("version", changed.Version, "and then", hmstype.KindOf(err))
		return nil
	})
	// Output: version 2 and then stale
}

// Who pays for the patient, and how much of what there is to pay.
func ExampleService_AddCoverage() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		coverage, err := env.H.Patient.AddCoverage(env.As(tb, identity.RoleReceptionist), patient.AddCoverageInput{
			Patient: env.Patient(tb).ID, CoverageDetails: patient.CoverageDetails{
				PayerName: "National Health Fund", PolicyNumber: "P-17", Percent: decimal.NewFromInt(80), ValidFrom: env.Today(),
			},
		})
		fmt.Println(coverage.PayerName, coverage.Percent, "percent", coverage.Status, "from", coverage.ValidFrom)
		return err
	})
	// Output: National Health Fund 80 percent active from 2026-03-02
}

func ExampleValidMRN() {
	fmt.Println(patient.ValidMRN("000000013"), patient.ValidMRN("000000031"))
	// Output: true false
}

// The insurance ends with June: what was done until then stays paid for.
func ExampleService_EndCoverage() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk := env.As(tb, identity.RoleReceptionist)
		coverage, err := env.H.Patient.AddCoverage(desk, patient.AddCoverageInput{
			Patient: env.Patient(tb).ID, CoverageDetails: patient.CoverageDetails{
				PayerName: "National Health Fund", PolicyNumber: "P-17", ValidFrom: hmstype.NewDate(2026, time.January, 1),
			},
		})
		if err != nil {
			return err
		}
		coverage, err = env.H.Patient.EndCoverage(desk, patient.EndCoverageInput{
			ID: coverage.ID, Version: coverage.Version, ValidUntil: hmstype.NewDate(2026, time.July, 1),
		})
		fmt.Println(coverage.Status, "from", coverage.ValidFrom, "until", coverage.ValidUntil)
		return err
	})
	// Output: active from 2026-01-01 until 2026-07-01
}

// A death that was noted with the wrong record is taken back, with the reason.
func ExampleService_RevokeDeath() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		desk, p := env.As(tb, identity.RoleReceptionist), env.Patient(tb)
		dead, err := env.H.Patient.MarkDeceased(desk, patient.MarkDeceasedInput{ID: p.ID, Version: p.Version})
		if err != nil {
			return err
		}
		alive, err := env.H.Patient.RevokeDeath(desk, patient.RevokeDeathInput{
			ID: p.ID, Version: dead.Version, Reason: "meant for the neighbouring record",
		})
		fmt.Println(dead.Deceased, alive.Deceased, alive.DeathRevokedReason)
		return err
	})
	// Output: true false meant for the neighbouring record
}
