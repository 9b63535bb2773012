package lab_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
)

// Foreign tables give ages in months or years; ranges are kept in days, half-open.
func ExampleAgeMonths() {
	from, to := lab.AgeMonths(3), lab.AgeYears(12)
	fmt.Println(from, to)
	// Output: 91 4383
}

// A value keeps the text that was entered; what is below the measuring range has a comparator.
func ExampleValue() {
	for _, v := range []lab.Value{
		{Number: "1.0"},
		{Comparator: lab.LessThan, Number: "0.01"},
		{AbsentReason: "not-performed"},
		{Number: "1,0"},
	} {
		fmt.Println(v.Type(), hmstype.Fields(v.Validate()))
	}
	// Output:
	// numeric []
	// numeric []
	// absent []
	// numeric [number: must be a decimal number]
}

// potassium puts the test into the catalogue: 3.5 to 5.1 is normal, and 6.2 an emergency.
func potassium(env *hmstest.Env) (lab.Test, error) {
	test, err := env.H.Lab.CreateTest(env.Ctx, lab.CreateTestInput{
		TestDetails: lab.TestDetails{
			Code: "K", LOINC: "2823-3", Name: "Potassium", SpecimenType: "Serum", TurnaroundMinutes: 60,
		},
		Analytes: []lab.AnalyteInput{{AnalyteDetails: lab.AnalyteDetails{
			Code: "K", LOINC: "2823-3", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L",
		}}},
	})
	if err != nil {
		return test, err
	}
	bound := func(text string) *decimal.Decimal { v := decimal.RequireFromString(text); return &v }
	_, err = env.H.Lab.AddReferenceRange(env.Ctx, lab.AddReferenceRangeInput{RangeDetails: lab.RangeDetails{
		Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2000, 1, 1),
		Bounds: lab.Bounds{Low: bound("3.5"), High: bound("5.1"), CriticalHigh: bound("6.2")},
	}})
	return test, err
}

// inTheLab orders potassium and brings the specimen to the laboratory.
func inTheLab(tb testing.TB, env *hmstest.Env) (lab.Test, lab.ItemRef, error) {
	test, err := potassium(env)
	if err != nil {
		return test, lab.ItemRef{}, err
	}
	order, err := env.H.Lab.AddOrder(env.As(tb, identity.RoleDoctor), lab.AddOrderInput{
		Patient: env.Patient(tb).ID, Tests: []hmstype.LabTestID{test.ID},
	})
	if err != nil {
		return test, lab.ItemRef{}, err
	}
	specimen, err := env.H.Lab.CollectSpecimen(env.As(tb, identity.RoleLabTechnician), lab.CollectSpecimenInput{
		Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true,
	})
	if err != nil {
		return test, lab.ItemRef{}, err
	}
	_, err = env.H.Lab.ReceiveSpecimen(env.As(tb, identity.RoleLabTechnician), lab.ReceiveSpecimenInput{
		ID: specimen.ID, Version: specimen.Version,
	})
	if err != nil {
		return test, lab.ItemRef{}, err
	}
	order, err = env.H.Lab.GetOrder(env.Ctx, order.ID) // the item is in its next version
	if err != nil {
		return test, lab.ItemRef{}, err
	}
	item := order.Items[0]
	return test, lab.ItemRef{Order: order.ID, Item: item.ID, Patient: order.Patient, Version: item.Version}, nil
}

// An order waits for its specimen on the laboratory's worklist.
func ExampleService_AddOrder() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		test, err := potassium(env)
		if err != nil {
			return err
		}
		_, err = env.H.Lab.AddOrder(env.As(tb, identity.RoleDoctor), lab.AddOrderInput{
			Patient: env.Patient(tb).ID, Tests: []hmstype.LabTestID{test.ID},
			OrderDetails: lab.OrderDetails{Priority: lab.PriorityStat},
		})
		if err != nil {
			return err
		}
		env.Advance(15 * time.Minute)
		work, err := env.H.Lab.ListWorklist(env.As(tb, identity.RoleLabTechnician), lab.ListWorklistInput{})
		for _, w := range work.Items {
			fmt.Println(w.OrderNumber, w.TestName, w.Priority, w.Item.Status, "for", w.Age)
		}
		return err
	})
	// Output: LO00000001 Potassium stat ordered for 15m0s
}

// A value is flagged by the patient's own range; nobody types a flag.
func ExampleService_EnterResult() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		test, item, err := inTheLab(tb, env)
		if err != nil {
			return err
		}
		entered, err := env.H.Lab.EnterResult(env.As(tb, identity.RoleLabTechnician), lab.EnterResultInput{
			ItemRef: item, Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "5.4"}}},
		})
		if err != nil {
			return err
		}
		result := entered.Results[0]
		fmt.Println(result.Value.Number, result.Unit, result.Flag, "normal up to", result.High, "-", result.Status)
		return nil
	})
	// Output: 5.4 mmol/L H normal up to 5.1 - preliminary
}

// A critical value opens a case: a doctor is told, reads it back, and says what is done.
func ExampleService_AcknowledgeCritical() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		test, item, err := inTheLab(tb, env)
		if err != nil {
			return err
		}
		_, err = env.H.Lab.EnterResult(env.As(tb, identity.RoleLabTechnician), lab.EnterResultInput{
			ItemRef: item, Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "6.9"}}},
		})
		if err != nil {
			return err
		}
		doctor := env.As(tb, identity.RoleDoctor)
		alerts, err := env.H.Lab.ListCriticalAlerts(doctor, lab.ListCriticalAlertsInput{OnlyOpen: true})
		if err != nil {
			return err
		}
		told, err := env.H.Lab.AcknowledgeCritical(doctor, lab.AcknowledgeCriticalInput{
			ID: alerts.Items[0].ID, Comment: "ward 3 called, calcium is given", ReadBack: true,
		})
		fmt.Println(told.Flag, alerts.Items[0].Status, "and then", told.Status, "read back:", told.ReadBack)
		return err
	})
	// Output: HH open and then acknowledged read back: true
}

// A verified value that was wrong is not overwritten: the report shows every version.
func ExampleService_CorrectResult() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		test, item, err := inTheLab(tb, env)
		if err != nil {
			return err
		}
		technician, senior := env.As(tb, identity.RoleLabTechnician), env.As(tb, identity.RoleLabSupervisor)
		entered, err := env.H.Lab.EnterResult(technician, lab.EnterResultInput{
			ItemRef: item, Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "4.4"}}},
		})
		if err != nil {
			return err
		}
		item.Version = entered.Item.Version
		verified, err := env.H.Lab.VerifyResult(senior, lab.VerifyResultInput{ItemRef: item, Release: true})
		if err != nil {
			return err
		}
		item.Version = verified.Item.Version
		_, err = env.H.Lab.CorrectResult(senior, lab.CorrectResultInput{
			ItemRef: item, Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "4.1"},
			Reason: "the analyser was not calibrated",
		})
		if err != nil {
			return err
		}
		report, err := env.H.Lab.GetReport(env.As(tb, identity.RoleDoctor), item.Order)
		if err != nil {
			return err
		}
		for _, r := range report.Items[0].Results {
			fmt.Printf("%s %s %q\n", r.Value.Number, r.Status, r.Reason)
		}
		return nil
	})
	// Output:
	// 4.4 preliminary ""
	// 4.4 final ""
	// 4.1 corrected "the analyser was not calibrated"
}

// One test of an order should never have been: its value stays on record and counts no more.
func ExampleService_EnterItemInError() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		_, item, err := inTheLab(tb, env)
		if err != nil {
			return err
		}
		senior := env.As(tb, identity.RoleLabSupervisor)
		order, err := env.H.Lab.EnterItemInError(
			senior, lab.EnterItemInErrorInput{ItemRef: item, Reason: "tubes were swapped"},
		)
		if err != nil {
			return err
		}
		found, err := env.H.Lab.VerifyOrders(senior)
		fmt.Println(order.Items[0].Status, order.Status, found)
		return err
	})
	// Output: entered-in-error revoked clean: laboratory orders
}
