package hms_test

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// details are those of a new person.
func (d *canaryDay) details(path string) patient.Details {
	return patient.Details{
		BirthDate: hmstype.NewDate(1986, time.January, 15),
		Gender:    patient.GenderFemale,
		PhoneNumber: "+" + d.phone(
			path+".PhoneNumber",
		),
		Email:                 d.mail(path + ".Email"),
		EmergencyContactPhone: "+" + d.phone(path+".EmergencyContactPhone"),
	}
}

func (d *canaryDay) register() patient.Patient {
	in := patient.RegisterInput{Details: d.details("patient.Register.Details"), Identifiers: []patient.Identifier{{}, {}}}
	return run(d.hospital, d.sys, d.h.Patient.Register, in)
}

func (d *canaryDay) desk() {
	c, s := d.hospital, d.h.Patient
	p := d.register()
	d.patient = run(
		c, d.sys, s.Update, patient.UpdateInput{ID: p.ID, Version: p.Version, Details: d.details("patient.Update.Details")},
	)
	run(c, d.sys, s.Get, p.ID)
	run(c, d.sys, s.GetByMRN, p.MRN)
	run(
		c, d.sys, s.Search,
		patient.SearchInput{PhoneNumber: d.phone("patient.Search.PhoneNumber"), Identifier: &patient.Identifier{}},
	)
	gone := d.register()
	run(c, d.sys, s.MarkDeceased, patient.MarkDeceasedInput{ID: gone.ID, Version: gone.Version})
	run(
		c, d.sys, s.SetStatus,
		patient.SetStatusInput{ID: gone.ID, Version: gone.Version + 1, Status: patient.StatusInactive},
	)
	run(c, d.sys, s.GetHistory, gone.ID)
}

func (d *canaryDay) coverage() {
	c, s := d.hospital, d.h.Patient
	in := patient.AddCoverageInput{
		Patient: d.patient.ID, CoverageDetails: patient.CoverageDetails{
			Percent: decimal.NewFromInt(80), ValidFrom: hmstype.NewDate(2026, time.January, 1),
		},
	}
	run(c, d.sys, s.AddCoverage, in)
	in.Priority = 2
	second := run(c, d.sys, s.AddCoverage, in)
	run(c, d.sys, s.CancelCoverage, second.ID)
	run(c, d.sys, s.GetCoverageHistory, second.ID)
	run(c, d.sys, s.ListCoverages, d.patient.ID)
}

func (d *canaryDay) emergency() {
	c, s := d.hospital, d.h.Identity
	vip := d.register()
	run(
		c, d.sys, d.h.Patient.SetRestricted, patient.SetRestrictedInput{ID: vip.ID, Version: vip.Version, Restricted: true},
	)
	doctor := d.person(identity.RoleDoctor)
	grant := run(c, doctor, s.BreakTheGlass, identity.BreakTheGlassInput{
		Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonOther},
	})
	run(c, doctor, d.h.Patient.Get, vip.ID)
	run(c, doctor, s.EndBreakGlass, grant.ID)
	run(c, d.sys, s.GetBreakGlassHistory, grant.ID)
	run(c, d.sys, s.GetUserHistory, d.user.ID)
	run(c, d.other, s.ReviewBreakGlass, identity.ReviewBreakGlassInput{
		ID: grant.ID, BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified},
	})
	run(c, d.other, s.ListBreakGlassGrants, identity.ListBreakGlassGrantsInput{})
}

func (d *canaryDay) appointments() {
	c, s := d.hospital, d.h.Scheduling
	hour := 0
	book := func() scheduling.Appointment {
		hour++
		start := d.clock.Now().Add(time.Duration(hour) * time.Hour)
		return run(c, d.sys, s.Book, scheduling.BookInput{
			Patient: d.patient.ID, Practitioner: d.user.ID,
			Period: hmstype.Period{Start: start, End: start.Add(30 * time.Minute)},
		})
	}
	first := book()
	run(c, d.sys, s.GetAppointment, first.ID)
	run(c, d.sys, s.GetAppointmentHistory, first.ID)
	later := hmstype.Period{Start: first.Period.Start.Add(35 * time.Minute), End: first.Period.Start.Add(50 * time.Minute)}
	moved := run(c, d.sys, s.Reschedule, scheduling.RescheduleInput{ID: first.ID, Period: later})
	cancelled := run(c, d.sys, s.CancelAppointment, scheduling.CancelAppointmentInput{ID: book().ID})
	run(c, d.sys, s.GetAppointmentHistory, cancelled.ID)
	run(c, d.sys, s.EnterAppointmentInError, scheduling.EnterAppointmentInErrorInput{ID: book().ID})
	missed, swept := book(), book()
	run(c, d.sys, s.ListAppointments, scheduling.ListAppointmentsInput{Day: hmstype.DateOf(d.clock.Now(), time.UTC)})
	run(c, d.sys, s.CheckIn, moved.ID)
	visit := run(c, d.sys, d.h.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Appointment: moved.ID, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{Service: d.service.Code},
	})
	d.visit = visit.ID
	d.clock.Advance(8 * time.Hour)
	run(c, d.sys, s.MarkNoShow, scheduling.MarkNoShowInput{ID: missed.ID})
	run(c, d.sys, s.MarkNoShows, scheduling.MarkNoShowsInput{AsOf: d.clock.Now()})
	run(c, d.sys, s.GetAppointment, swept.ID)
}

func (d *canaryDay) walkIn(class clinical.Class, status clinical.EncounterStatus) hmstype.EncounterID {
	return run(d.hospital, d.sys, d.h.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Patient: d.patient.ID, Practitioner: d.user.ID, Class: class, Status: status,
		EncounterDetails: clinical.EncounterDetails{Service: d.service.Code},
	}).ID
}

func (d *canaryDay) inpatient() hmstype.EncounterID {
	return d.walkIn(clinical.ClassInpatient, clinical.EncounterInProgress)
}

func (d *canaryDay) encounters() {
	c, s := d.hospital, d.h.Clinical
	arrived := d.walkIn(clinical.ClassAmbulatory, clinical.EncounterArrived)
	run(c, d.sys, s.MoveEncounter, clinical.MoveEncounterInput{ID: arrived, Status: clinical.EncounterTriaged})
	run(
		c, d.sys, s.CancelEncounter,
		clinical.CancelEncounterInput{ID: d.walkIn(clinical.ClassAmbulatory, clinical.EncounterArrived)},
	)
	done := d.walkIn(clinical.ClassAmbulatory, clinical.EncounterInProgress)
	run(c, d.sys, s.FinishEncounter, clinical.FinishEncounterInput{ID: done, Service: d.service.Code})
	run(c, d.sys, s.EnterEncounterInError, clinical.EnterEncounterInErrorInput{ID: done})
	run(c, d.sys, s.GetEncounter, d.visit)
	run(c, d.sys, s.ListEncounters, clinical.ListEncountersInput{Patient: d.patient.ID})
	run(c, d.sys, s.GetEncounterHistory, done)
}

func (d *canaryDay) notes() {
	c, s := d.hospital, d.h.Clinical
	draft := run(c, d.sys, s.WriteNote, clinical.WriteNoteInput{Encounter: d.visit})
	run(c, d.sys, s.SaveNote, clinical.SaveNoteInput{ID: draft.ID, Version: draft.Version})
	run(c, d.sys, s.SignNote, draft.ID)
	addendum := run(c, d.sys, s.AddAddendum, clinical.AddAddendumInput{Note: draft.ID})
	run(c, d.sys, s.EnterNoteInError, clinical.EnterNoteInErrorInput{ID: addendum.ID})
	run(c, d.sys, s.GetNoteHistory, addendum.ID)
	run(c, d.sys, s.GetNote, draft.ID)
	run(c, d.sys, s.ListEncounterNotes, d.visit)
	run(c, d.sys, s.ListNotes, clinical.ListNotesInput{Patient: d.patient.ID})
}

func (d *canaryDay) findings() {
	c, s := d.hospital, d.h.Clinical
	pulse := 72
	vitals := run(
		c,
		d.sys,
		s.RecordVitals,
		clinical.RecordVitalsInput{
			Encounter: d.visit, TakenAt: d.clock.Now(), Measurements: clinical.Measurements{PulsePerMinute: &pulse},
		},
	)
	run(c, d.sys, s.EnterVitalsInError, clinical.EnterVitalsInErrorInput{ID: vitals.ID})
	run(c, d.sys, s.GetVitalsHistory, vitals.ID)
	run(c, d.sys, s.ListVitals, clinical.ListVitalsInput{Patient: d.patient.ID})
	run(c, d.sys, s.ListEncounterVitals, d.visit)
	condition := run(c, d.sys, s.AddCondition, clinical.AddConditionInput{Encounter: d.visit})
	run(
		c, d.sys, s.ReviseCondition,
		clinical.ReviseConditionInput{ID: condition.ID, Version: condition.Version, Verification: clinical.EnteredInError},
	)
	run(c, d.sys, s.GetConditionHistory, condition.ID)
	run(c, d.sys, s.ListConditions, clinical.ListConditionsInput{Patient: d.patient.ID})
	allergy := run(c, d.sys, s.RecordAllergy, clinical.RecordAllergyInput{Patient: d.patient.ID})
	run(
		c, d.sys, s.ReviseAllergy,
		clinical.ReviseAllergyInput{ID: allergy.ID, Version: allergy.Version, Status: clinical.AllergyInactive},
	)
	run(c, d.sys, s.GetAllergyHistory, allergy.ID)
	run(c, d.sys, s.ListAllergies, d.patient.ID)
}

func (d *canaryDay) prescriptions() {
	c, s := d.hospital, d.h.Clinical
	prescribe := func() hmstype.PrescriptionID {
		return run(c, d.sys, s.Prescribe, clinical.PrescribeInput{
			Encounter: d.visit, Codes: []hmstype.Code{{}},
			PrescriptionDetails: clinical.PrescriptionDetails{Medication: d.item.ID, Quantity: 10},
		}).ID
	}
	d.rx = prescribe()
	run(c, d.sys, s.HoldPrescription, clinical.HoldPrescriptionInput{ID: d.rx})
	run(c, d.sys, s.ResumePrescription, clinical.ResumePrescriptionInput{ID: d.rx})
	run(c, d.sys, s.CancelPrescription, clinical.CancelPrescriptionInput{ID: prescribe()})
	run(c, d.sys, s.StopPrescription, clinical.StopPrescriptionInput{ID: prescribe()})
	run(c, d.sys, s.EnterPrescriptionInError, clinical.EnterPrescriptionInErrorInput{ID: prescribe()})
	run(c, d.sys, s.GetPrescriptionHistory, d.rx)
	run(c, d.sys, s.GetPrescription, d.rx)
	run(c, d.sys, s.ListPrescriptions, clinical.ListPrescriptionsInput{Patient: d.patient.ID})
	run(c, d.sys, s.ListEncounterPrescriptions, d.visit)
	perform(c, d.sys, s.Verify)
}

func (d *canaryDay) dispensing() {
	c, s := d.hospital, d.h.Pharmacy
	dispense := func() pharmacy.Dispense {
		return run(c, d.sys, s.Dispense, pharmacy.DispenseInput{Prescription: d.rx, Location: d.location, Quantity: 2})
	}
	kept := dispense()
	run(c, d.sys, s.ReverseDispense, pharmacy.ReverseDispenseInput{Dispense: dispense().ID})
	run(c, d.sys, s.GetDispense, kept.ID)
	run(c, d.sys, s.GetDispenseHistory, kept.ID)
	run(c, d.sys, s.Adjust, pharmacy.AdjustInput{Batch: d.batch.ID, Location: d.location, Delta: -1})
	run(c, d.sys, s.ListShelf, pharmacy.ListShelfInput{})
	perform(c, d.sys, s.Verify)
}
