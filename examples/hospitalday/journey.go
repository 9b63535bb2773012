package main

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// errRefused ends a step that the hospital refused; the tally knows why.
var errRefused = errors.New("refused")

// do runs one command and tallies it. A refusal is part of the day, and so is a database
// that cannot serve for a while; anything internal is a failure of the program.
func do[T any](d *hospital, name string, fn func() (T, error)) (T, error) {
	started := time.Now()
	out, err := fn()
	d.tally.add(name, time.Since(started), err)
	if err == nil && d.acknowledged != nil {
		d.acknowledged(out)
	}
	return out, refusal(name, err)
}

// refusal marks an error that the day goes on with.
func refusal(name string, err error) error {
	switch hmstype.KindOf(err) {
	case hmstype.KindNone:
		return nil
	case hmstype.KindPrecondition, hmstype.KindAlreadyExists, hmstype.KindStale, hmstype.KindUnavailable:
		return fmt.Errorf("%w: %w", errRefused, err)
	default:
		return fmt.Errorf("%s: %w", name, err)
	}
}

// treat takes one person through the day.
func (d *hospital) treat(in patient.RegisterInput) error {
	p, err := d.register(in)
	if err != nil {
		return err
	}
	encounter, err := d.visit(p)
	if err != nil {
		return err
	}
	for _, step := range []func(patient.Patient, clinical.Encounter) error{
		d.examine, d.medicate, d.analyse, d.hospitalise, d.settle,
	} {
		err := step(p, encounter)
		if err != nil && (!errors.Is(err, errRefused) || hmstype.KindOf(err) == hmstype.KindUnavailable) {
			return err // a refusal ends the step, a database that is away the visit
		}
	}
	return nil
}

func (d *hospital) register(in patient.RegisterInput) (patient.Patient, error) {
	desk := d.as(identity.RoleReceptionist)
	p, err := do(d, "register", func() (patient.Patient, error) { return d.h.Patient.Register(desk, in) })
	if err != nil || !d.chance(60) {
		return p, err
	}
	_, err = do(d, "add coverage", func() (patient.Coverage, error) {
		payers := []string{"National Health Fund", "Acme Insurance", "Union Mutual"}
		return d.h.Patient.AddCoverage(desk, patient.AddCoverageInput{
			Patient: p.ID, CoverageDetails: patient.CoverageDetails{
				PayerName: payers[d.intn(3)], PolicyNumber: "P-" + p.MRN,
				Percent: decimal.NewFromInt(int64(50 + 10*d.intn(5))), ValidFrom: hmstype.NewDate(2020, 1, 1),
			},
		})
	})
	return p, err
}

// visit books a time, checks in and opens the encounter. The calendar is small on purpose:
// who finds the time taken tries the next one.
func (d *hospital) visit(p patient.Patient) (clinical.Encounter, error) {
	desk := d.as(identity.RoleReceptionist)
	doctors := d.staff[identity.RoleDoctor]
	doctor := doctors[d.intn(len(doctors))]
	slot := d.intn(4)
	var booked scheduling.Appointment
	err := scheduling.ErrSlotTaken
	for try := 0; errors.Is(err, scheduling.ErrSlotTaken) && try < 2000; try++ { // any other refusal is final
		start := d.started.Add(time.Hour).Truncate(time.Hour).Add(time.Duration(slot+try) * 15 * time.Minute)
		booked, err = do(d, "book", func() (scheduling.Appointment, error) {
			return d.h.Scheduling.Book(desk, scheduling.BookInput{
				Patient: p.ID, Practitioner: doctor, Period: hmstype.Period{Start: start, End: start.Add(15 * time.Minute)},
				AppointmentDetails: scheduling.AppointmentDetails{Type: "consultation"},
			})
		})
		var taken *scheduling.SlotTakenError
		if errors.As(err, &taken) && try%4 == 3 {
			slot += d.intn(40) // look further ahead, as people do
		}
	}
	if err != nil {
		return clinical.Encounter{}, err
	}
	checkIn := func() (scheduling.Appointment, error) { return d.h.Scheduling.CheckIn(desk, booked.ID) }
	if _, err := do(d, "check in", checkIn); err != nil {
		return clinical.Encounter{}, err
	}
	return do(d, "open encounter", func() (clinical.Encounter, error) {
		return d.h.Clinical.OpenEncounter(d.as(identity.RoleDoctor), clinical.OpenEncounterInput{
			Appointment: booked.ID, Class: clinical.ClassAmbulatory,
			EncounterDetails: clinical.EncounterDetails{ChiefComplaint: "feels unwell"},
		})
	})
}

func (d *hospital) examine(p patient.Patient, e clinical.Encounter) error {
	nurse, doctor := d.as(identity.RoleNurse), d.as(identity.RoleDoctor)
	height, weight := decimal.NewFromInt(int64(150+d.intn(45))), decimal.NewFromInt(int64(45+d.intn(70)))
	pulse, systolic, diastolic := 55+d.intn(50), 100+d.intn(60), 60+d.intn(35)
	_, err := do(d, "record vitals", func() (clinical.Vitals, error) {
		return d.h.Clinical.RecordVitals(
			nurse,
			clinical.RecordVitalsInput{Encounter: e.ID, Measurements: clinical.Measurements{
				HeightCm: &height, WeightKg: &weight, PulsePerMinute: &pulse, SystolicMmHg: &systolic, DiastolicMmHg: &diastolic,
			}},
		)
	})
	if err != nil {
		return err
	}
	if d.chance(20) {
		_, err := do(d, "record allergy", func() (clinical.Allergy, error) {
			return d.h.Clinical.RecordAllergy(nurse, clinical.RecordAllergyInput{
				Patient: p.ID,
				AllergyDetails: clinical.AllergyDetails{
					Substance: hmstype.Code{Display: "Amoxicillin"}, Criticality: "high",
				},
			})
		})
		if err != nil {
			return err
		}
	}
	note, err := do(d, "write note", func() (clinical.Note, error) {
		return d.h.Clinical.WriteNote(doctor, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: clinical.NoteBody{
			ChiefComplaint: "feels unwell", PhysicalExamination: "unremarkable", Assessment: "observation",
			Plan: "medication and tests",
		}})
	})
	if err != nil {
		return err
	}
	sign := func() (clinical.Note, error) { return d.h.Clinical.SignNote(doctor, note.ID) }
	if _, err = do(d, "sign note", sign); err != nil {
		return err
	}
	_, err = do(d, "add condition", func() (clinical.Condition, error) {
		return d.h.Clinical.AddCondition(doctor, clinical.AddConditionInput{
			Encounter: e.ID,
			ConditionDetails: clinical.ConditionDetails{
				Code: hmstype.Code{System: hmstype.SystemICD10, Value: "R53", Display: "Malaise and fatigue"},
			},
		})
	})
	return err
}

// medicate prescribes and dispenses; insulin runs out during the day.
func (d *hospital) medicate(_ patient.Patient, e clinical.Encounter) error {
	item := d.items[d.intn(len(d.items))]
	rx, err := do(d, "prescribe", func() (clinical.Prescription, error) {
		return d.h.Clinical.Prescribe(d.as(identity.RoleDoctor), clinical.PrescribeInput{
			Encounter: e.ID,
			PrescriptionDetails: clinical.PrescriptionDetails{
				Medication: item.ID, MedicationName: item.Name, Dosage: "1 unit", Frequency: "twice a day", Duration: "7 days",
				Quantity: hmstype.Quantity(5 + d.intn(20)),
			},
		})
	})
	if err != nil {
		return err
	}
	pharmacist := d.as(identity.RolePharmacist)
	dispensed, err := do(d, "dispense", func() (pharmacy.Dispense, error) {
		return d.h.Pharmacy.Dispense(pharmacist, pharmacy.DispenseInput{
			Prescription: rx.ID, Location: d.location, Quantity: rx.Quantity, IdempotencyKey: rx.ID.String(),
		})
	})
	var short *pharmacy.InsufficientStockError
	if errors.As(err, &short) && short.Available > 0 {
		dispensed, err = do(d, "dispense", func() (pharmacy.Dispense, error) {
			return d.h.Pharmacy.Dispense(
				pharmacist,
				pharmacy.DispenseInput{Prescription: rx.ID, Location: d.location, Quantity: rx.Quantity, AllowPartial: true},
			)
		})
	}
	if err != nil || !d.chance(4) {
		return err
	}
	_, err = do(d, "reverse dispense", func() (pharmacy.Dispense, error) {
		return d.h.Pharmacy.ReverseDispense(
			pharmacist, pharmacy.ReverseDispenseInput{Dispense: dispensed.ID, Reason: "handed to the wrong person"},
		)
	})
	return err
}

// analyse orders potassium for some, from the draw to the doctor's signature.
func (d *hospital) analyse(p patient.Patient, e clinical.Encounter) error {
	if !d.chance(50) {
		return nil
	}
	doctor, technician := d.as(identity.RoleDoctor), d.as(identity.RoleLabTechnician)
	order, err := do(d, "order test", func() (lab.Order, error) {
		return d.h.Lab.AddOrder(
			doctor,
			lab.AddOrderInput{
				Patient: p.ID, OrderDetails: lab.OrderDetails{Encounter: e.ID}, Tests: []hmstype.LabTestID{d.test.ID},
			},
		)
	})
	if err != nil {
		return err
	}
	item := order.Items[0]
	specimen, err := do(d, "collect specimen", func() (lab.Specimen, error) {
		return d.h.Lab.CollectSpecimen(
			d.as(identity.RoleNurse),
			lab.CollectSpecimenInput{Order: order.ID, Items: []hmstype.LabOrderItemID{item.ID}, TwoIdentifiers: true},
		)
	})
	if err != nil {
		return err
	}
	if _, err := do(d, "receive specimen", func() (lab.Specimen, error) {
		return d.h.Lab.ReceiveSpecimen(technician, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})
	}); err != nil {
		return err
	}
	return d.result(p, order, technician)
}

// settle bills the visit; the patient's share is paid at two tills at once, and one of the
// two finds it paid.
func (d *hospital) settle(p patient.Patient, e clinical.Encounter) error {
	if _, err := do(d, "finish encounter", func() (clinical.Encounter, error) {
		return d.h.Clinical.FinishEncounter(d.as(identity.RoleDoctor), clinical.FinishEncounterInput{
			ID: e.ID, Service: "CONSULT",
			EncounterOutcome: clinical.EncounterOutcome{Disposition: "home", Diagnosis: "malaise"},
		})
	}); err != nil {
		return err
	}
	till := d.as(identity.RoleCashier)
	draft, err := do(d, "create bill", func() (billing.Bill, error) {
		return d.h.Billing.CreateBill(till, billing.CreateBillInput{Patient: p.ID})
	})
	if err != nil {
		return err
	}
	bill, err := do(d, "issue bill", func() (billing.Bill, error) {
		return d.h.Billing.IssueBill(till, billing.IssueBillInput{ID: draft.ID})
	})
	if err != nil || bill.PatientAmount.IsZero() {
		return err
	}
	return d.payAtTwoTills(bill)
}

func (d *hospital) payAtTwoTills(bill billing.Bill) error {
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		till := d.as(identity.RoleCashier)
		wg.Go(func() {
			_, errs[i] = do(d, "pay", func() (billing.Payment, error) {
				return d.h.Billing.Pay(till, billing.PayInput{
					Bill: bill.ID, Amount: bill.PatientAmount, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
				})
			})
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// hospitalise takes a few to a bed, of which there are too few.
func (d *hospital) hospitalise(_ patient.Patient, e clinical.Encounter) error {
	if !d.chance(25) {
		return nil
	}
	nurse := d.as(identity.RoleNurse)
	stay, err := d.findBed(e)
	if err != nil {
		return err
	}
	if d.chance(40) {
		if bed, ok, err := d.freeBed(); err != nil {
			return err
		} else if ok {
			moved, err := do(d, "transfer", func() (facility.Stay, error) {
				return d.h.Facility.Transfer(nurse, facility.TransferInput{Stay: stay.ID, Bed: bed})
			})
			switch {
			case err == nil:
				if err := d.clean(stay.Bed); err != nil {
					return err
				}
				stay = moved
			case !errors.Is(err, errRefused):
				return err
			}
		}
	}
	if d.chance(15) {
		return errRefused // stays over night: the visit is not finished today
	}
	if _, err := do(d, "order discharge", func() (facility.Stay, error) {
		return d.h.Facility.OrderDischarge(d.as(identity.RoleDoctor), stay.ID)
	}); err != nil {
		return err
	}
	if _, err := do(d, "depart", func() (facility.Stay, error) {
		return d.h.Facility.Depart(nurse, facility.DepartInput{Stay: stay.ID, Contaminated: d.chance(20)})
	}); err != nil {
		return err
	}
	return d.clean(stay.Bed)
}
