package facility_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/identity"
)

// A patient is admitted to a bed; the next one who wants it is told since when it is taken.
func ExampleService_Admit() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse, bed := env.As(tb, identity.RoleNurse), env.Bed(tb, "")
		admit := func() (facility.Stay, error) {
			encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
			return env.H.Facility.Admit(nurse, facility.AdmitInput{Encounter: encounter.ID, Bed: bed.ID})
		}
		stay, err := admit()
		if err != nil {
			return err
		}
		fmt.Println(stay.Status, "since", stay.Period.Start.Format(time.DateTime))

		_, err = admit()
		var taken *facility.BedTakenError
		if errors.As(err, &taken) {
			fmt.Println("taken since", taken.Since.Format(time.DateTime))
		}
		return nil
	})
	// Output:
	// active since 2026-03-02 09:00:00
	// taken since 2026-03-02 09:00:00
}

// A transfer ends one stay and begins another at the same instant; the bed that is left waits for
// cleaning.
func ExampleService_Transfer() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse, general, intensive := env.As(tb, identity.RoleNurse), env.Bed(tb, ""), env.Bed(tb, "")
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
		stay, err := env.H.Facility.Admit(nurse, facility.AdmitInput{Encounter: encounter.ID, Bed: general.ID})
		if err != nil {
			return err
		}
		env.Advance(2 * time.Hour)
		moved, err := env.H.Facility.Transfer(nurse, facility.TransferInput{Stay: stay.ID, Bed: intensive.ID})
		if err != nil {
			return err
		}
		left, err := env.H.Facility.GetStay(nurse, stay.ID)
		if err != nil {
			return err
		}
		beds, err := env.H.Facility.ListBeds(nurse, facility.ListBedsInput{Ward: general.Ward})
		if err != nil {
			return err
		}
		fmt.Println(left.EndReason, "after", left.Period.Duration(), "without a gap:",
			left.Period.End.Equal(moved.Period.Start))
		fmt.Println("the old bed is to be cleaned:", beds[0].Status == facility.BedHousekeeping)
		return nil
	})
	// Output:
	// transfer after 2h0m0s without a gap: true
	// the old bed is to be cleaned: true
}

// A patient leaves after the doctor has let him go, and the bed is free once it was cleaned.
func ExampleService_Depart() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		doctor, nurse := env.As(tb, identity.RoleDoctor), env.As(tb, identity.RoleNurse)
		bed, encounter := env.Bed(tb, ""), env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
		stay, err := env.H.Facility.Admit(nurse, facility.AdmitInput{Encounter: encounter.ID, Bed: bed.ID})
		if err != nil {
			return err
		}
		_, err = env.H.Facility.Depart(nurse, facility.DepartInput{Stay: stay.ID})
		fmt.Println("not yet:", errors.Is(err, facility.ErrDischargeNotOrdered))

		if _, err := env.H.Facility.OrderDischarge(doctor, stay.ID); err != nil {
			return err
		}
		stay, err = env.H.Facility.Depart(nurse, facility.DepartInput{Stay: stay.ID})
		if err != nil {
			return err
		}
		ready, err := env.H.Facility.MarkCleaned(nurse, bed.ID)
		if err != nil {
			return err
		}
		fmt.Println(stay.Status, stay.EndReason, "free:", ready.Status == facility.BedUnoccupied)
		return nil
	})
	// Output:
	// not yet: true
	// completed discharge free: true
}

// How many lay where, at any instant: at midnight, or a year ago.
func ExampleService_GetCensus() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		ward, err := env.H.Facility.CreateWard(env.Ctx, facility.CreateWardInput{
			WardDetails: facility.WardDetails{Name: "Maternity", Type: "maternity", Capacity: 12},
		})
		if err != nil {
			return err
		}
		bed, err := env.H.Facility.CreateBed(env.Ctx, facility.CreateBedInput{
			Ward: ward.ID, BedDetails: facility.BedDetails{Number: "7", Type: "standard"},
		})
		if err != nil {
			return err
		}
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
		if _, err := env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: bed.ID}); err != nil {
			return err
		}
		for _, at := range []time.Time{env.Now().Add(-time.Hour), env.Now()} {
			census, err := env.H.Facility.GetCensus(env.Ctx, facility.GetCensusInput{At: at})
			if err != nil {
				return err
			}
			for _, w := range census {
				fmt.Println(at.Format(time.TimeOnly), w.Name, w.Patients, "of", w.Beds)
			}
		}
		return nil
	})
	// Output:
	// 08:00:00 Maternity 0 of 1
	// 09:00:00 Maternity 1 of 1
}

// Where a patient lay, the latest stay first.
func ExampleService_ListStays() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		nurse, who := env.As(tb, identity.RoleNurse), env.Patient(tb).ID
		encounter := env.Encounter(tb, who, clinical.ClassInpatient)
		stay, err := env.H.Facility.Admit(nurse, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(tb, "").ID})
		if err != nil {
			return err
		}
		env.Advance(26 * time.Hour)
		if _, err := env.H.Facility.Transfer(nurse, facility.TransferInput{
			Stay: stay.ID, Bed: env.Bed(tb, "").ID,
		}); err != nil {
			return err
		}
		stays, err := env.H.Facility.ListStays(nurse, facility.ListStaysInput{Patient: who})
		if err != nil {
			return err
		}
		for _, s := range stays.Items {
			fmt.Println(s.Status, "since", s.Period.Start.Format(time.DateTime))
		}
		return nil
	})
	// Output:
	// active since 2026-03-03 11:00:00
	// completed since 2026-03-02 09:00:00
}

// Bed days are charged at midnight, each once, however often the night job runs.
func ExampleService_PostBedDays() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Service(tb, "BED", "180.00")
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
		_, err := env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(tb, "BED").ID})
		if err != nil {
			return err
		}
		env.Advance(48 * time.Hour)
		for range 2 {
			if _, err := env.H.Facility.PostBedDays(env.Ctx, facility.PostBedDaysInput{AsOf: env.Now()}); err != nil {
				return err
			}
		}
		charges, err := env.H.Billing.ListCharges(env.Ctx, billing.ListChargesInput{Patient: encounter.Patient})
		if err != nil {
			return err
		}
		for _, charge := range charges.Items {
			fmt.Println(charge.ServiceCode, charge.ServiceDate, charge.UnitPrice)
		}
		return nil
	})
	// Output:
	// BED 2026-03-03 180.00 USD
	// BED 2026-03-04 180.00 USD
}
