package day

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
func (d *Day) details(path string) patient.Details {
	return patient.Details{
		BirthDate: hmstype.NewDate(1986, time.January, 15), Gender: patient.GenderFemale,
		PhoneNumber: "+" + d.Pen.Phone(path+".PhoneNumber"), Email: d.mail(path + ".Email"),
		SecondPhoneNumber:     "+" + d.Pen.Phone(path+".SecondPhoneNumber"),
		EmergencyContactPhone: "+" + d.Pen.Phone(path+".EmergencyContactPhone"),
	}
}

func (d *Day) register() patient.Patient {
	in := patient.RegisterInput{Details: d.details("patient.Register.Details"), Identifiers: []patient.Identifier{{}, {}}}
	return run(d, d.Ctx, d.H.Patient.Register, in)
}

func (d *Day) desk() {
	s := d.H.Patient
	p := d.register()
	d.Who = run(d, d.Ctx, s.Update,
		patient.UpdateInput{ID: p.ID, Version: p.Version, Details: d.details("patient.Update.Details")})
	run(d, d.Ctx, s.Get, p.ID)
	run(d, d.Ctx, s.GetByMRN, p.MRN)
	run(d, d.Ctx, s.Search,
		patient.SearchInput{PhoneNumber: d.Pen.Phone("patient.Search.PhoneNumber"), Identifier: &patient.Identifier{}})
	gone := d.register()
	run(d, d.Ctx, s.MarkDeceased, patient.MarkDeceasedInput{ID: gone.ID, Version: gone.Version})
	run(d, d.Ctx, s.RevokeDeath, patient.RevokeDeathInput{ID: gone.ID, Version: gone.Version + 1})
	run(d, d.Ctx, s.SetStatus,
		patient.SetStatusInput{ID: gone.ID, Version: gone.Version + 2, Status: patient.StatusInactive})
	run(d, d.Ctx, s.GetHistory, gone.ID)
}

func (d *Day) coverage() {
	s := d.H.Patient
	in := patient.AddCoverageInput{
		Patient: d.Who.ID, CoverageDetails: patient.CoverageDetails{
			Percent: decimal.NewFromInt(80), ValidFrom: hmstype.NewDate(2026, time.January, 1),
		},
	}
	run(d, d.Ctx, s.AddCoverage, in)
	in.Priority = 2
	second := run(d, d.Ctx, s.AddCoverage, in)
	ended := run(d, d.Ctx, s.EndCoverage, patient.EndCoverageInput{
		ID: second.ID, Version: second.Version, ValidUntil: hmstype.NewDate(2026, time.July, 1),
	})
	run(d, d.Ctx, s.CancelCoverage, ended.ID)
	run(d, d.Ctx, s.GetCoverageHistory, second.ID)
	run(d, d.Ctx, s.ListCoverages, d.Who.ID)
}

func (d *Day) emergency() {
	s := d.H.Identity
	vip := d.register()
	run(d, d.Ctx, d.H.Patient.SetRestricted,
		patient.SetRestrictedInput{ID: vip.ID, Version: vip.Version, Restricted: true})
	doctor := d.Person(identity.RoleDoctor)
	grant := run(d, doctor, s.BreakTheGlass, identity.BreakTheGlassInput{
		Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{Reason: identity.ReasonOther},
	})
	run(d, doctor, d.H.Patient.Get, vip.ID)
	run(d, doctor, s.EndBreakGlass, grant.ID)
	run(d, d.Ctx, s.GetBreakGlassHistory, grant.ID)
	run(d, d.Ctx, s.GetUserHistory, d.user.ID)
	run(d, d.other, s.ReviewBreakGlass, identity.ReviewBreakGlassInput{
		ID: grant.ID, BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified},
	})
	run(d, d.other, s.ListBreakGlassGrants, identity.ListBreakGlassGrantsInput{})
}

func (d *Day) appointments() {
	s := d.H.Scheduling
	hour := 0
	book := func() scheduling.Appointment {
		hour++
		start := d.Clock.Now().Add(time.Duration(hour) * time.Hour)
		return run(d, d.Ctx, s.Book, scheduling.BookInput{
			Patient: d.Who.ID, Practitioner: d.user.ID, Period: hmstype.Period{Start: start, End: start.Add(30 * time.Minute)},
		})
	}
	first := book()
	run(d, d.Ctx, s.GetAppointment, first.ID)
	run(d, d.Ctx, s.GetAppointmentHistory, first.ID)
	later := hmstype.Period{Start: first.Period.Start.Add(35 * time.Minute), End: first.Period.Start.Add(50 * time.Minute)}
	moved := run(d, d.Ctx, s.Reschedule, scheduling.RescheduleInput{ID: first.ID, Period: later})
	cancelled := run(d, d.Ctx, s.CancelAppointment, scheduling.CancelAppointmentInput{ID: book().ID})
	run(d, d.Ctx, s.GetAppointmentHistory, cancelled.ID)
	run(d, d.Ctx, s.EnterAppointmentInError, scheduling.EnterAppointmentInErrorInput{ID: book().ID})
	missed, swept := book(), book()
	run(d, d.Ctx, s.ListAppointments, scheduling.ListAppointmentsInput{Day: hmstype.DateOf(d.Clock.Now(), time.UTC)})
	run(d, d.Ctx, s.CheckIn, moved.ID)
	visit := run(d, d.Ctx, d.H.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Appointment: moved.ID, Class: clinical.ClassAmbulatory,
		EncounterDetails: clinical.EncounterDetails{Service: d.service.Code},
	})
	d.Visit = visit.ID
	d.Clock.Advance(8 * time.Hour)
	run(d, d.Ctx, s.MarkNoShow, scheduling.MarkNoShowInput{ID: missed.ID})
	run(d, d.Ctx, s.MarkNoShows, scheduling.MarkNoShowsInput{AsOf: d.Clock.Now()})
	run(d, d.Ctx, s.GetAppointment, swept.ID)
	perform(d, d.Ctx, s.VerifyCalendar)
}

func (d *Day) walkIn(class clinical.Class, status clinical.EncounterStatus) hmstype.EncounterID {
	return run(d, d.Ctx, d.H.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Patient: d.Who.ID, Practitioner: d.user.ID, Class: class, Status: status,
		EncounterDetails: clinical.EncounterDetails{Service: d.service.Code},
	}).ID
}

func (d *Day) inpatient() hmstype.EncounterID {
	return d.walkIn(clinical.ClassInpatient, clinical.EncounterInProgress)
}

func (d *Day) encounters() {
	s := d.H.Clinical
	arrived := d.walkIn(clinical.ClassAmbulatory, clinical.EncounterArrived)
	run(d, d.Ctx, s.MoveEncounter, clinical.MoveEncounterInput{ID: arrived, Status: clinical.EncounterTriaged})
	run(d, d.Ctx, s.CancelEncounter,
		clinical.CancelEncounterInput{ID: d.walkIn(clinical.ClassAmbulatory, clinical.EncounterArrived)})
	done := d.walkIn(clinical.ClassAmbulatory, clinical.EncounterInProgress)
	run(d, d.Ctx, s.FinishEncounter, clinical.FinishEncounterInput{ID: done, Service: d.service.Code})
	run(d, d.Ctx, s.EnterEncounterInError, clinical.EnterEncounterInErrorInput{ID: done})
	run(d, d.Ctx, s.GetEncounter, d.Visit)
	run(d, d.Ctx, s.ListEncounters, clinical.ListEncountersInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.GetEncounterHistory, done)
}

func (d *Day) notes() {
	s := d.H.Clinical
	draft := run(d, d.Ctx, s.WriteNote, clinical.WriteNoteInput{Encounter: d.Visit})
	run(d, d.Ctx, s.SaveNote, clinical.SaveNoteInput{ID: draft.ID, Version: draft.Version})
	run(d, d.Ctx, s.SignNote, draft.ID)
	addendum := run(d, d.Ctx, s.AddAddendum, clinical.AddAddendumInput{Note: draft.ID})
	run(d, d.Ctx, s.EnterNoteInError, clinical.EnterNoteInErrorInput{ID: addendum.ID})
	run(d, d.Ctx, s.GetNoteHistory, addendum.ID)
	run(d, d.Ctx, s.GetNote, draft.ID)
	run(d, d.Ctx, s.ListEncounterNotes, d.Visit)
	run(d, d.Ctx, s.ListNotes, clinical.ListNotesInput{Patient: d.Who.ID})
}

func (d *Day) findings() {
	s := d.H.Clinical
	pulse := 72
	vitals := run(d, d.Ctx, s.RecordVitals, clinical.RecordVitalsInput{
		Encounter: d.Visit, TakenAt: d.Clock.Now(), Measurements: clinical.Measurements{PulsePerMinute: &pulse},
	})
	run(d, d.Ctx, s.EnterVitalsInError, clinical.EnterVitalsInErrorInput{ID: vitals.ID})
	run(d, d.Ctx, s.GetVitalsHistory, vitals.ID)
	run(d, d.Ctx, s.ListVitals, clinical.ListVitalsInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.ListEncounterVitals, d.Visit)
	condition := run(d, d.Ctx, s.AddCondition, clinical.AddConditionInput{Encounter: d.Visit})
	run(d, d.Ctx, s.ReviseCondition,
		clinical.ReviseConditionInput{ID: condition.ID, Version: condition.Version, Verification: clinical.EnteredInError})
	run(d, d.Ctx, s.GetConditionHistory, condition.ID)
	over := run(d, d.Ctx, s.AddCondition, clinical.AddConditionInput{Encounter: d.Visit})
	over, err := s.ReviseCondition(d.Ctx, clinical.ReviseConditionInput{ // which takes a reason with an error only
		ID: over.ID, Version: over.Version, Status: clinical.ConditionResolved,
	})
	d.done("clinical.ReviseCondition", err, over)
	run(d, d.Ctx, s.ListConditions, clinical.ListConditionsInput{Patient: d.Who.ID})
	allergy := run(d, d.Ctx, s.RecordAllergy, clinical.RecordAllergyInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.ReviseAllergy,
		clinical.ReviseAllergyInput{ID: allergy.ID, Version: allergy.Version, Status: clinical.AllergyInactive})
	run(d, d.Ctx, s.GetAllergyHistory, allergy.ID)
	run(d, d.Ctx, s.ListAllergies, d.Who.ID)
}

func (d *Day) prescriptions() {
	s := d.H.Clinical
	prescribe := func() hmstype.PrescriptionID {
		return run(d, d.Ctx, s.Prescribe, clinical.PrescribeInput{
			Encounter: d.Visit, Codes: []hmstype.Code{{}}, Overrides: d.twice(),
			PrescriptionDetails: clinical.PrescriptionDetails{Medication: d.item.ID, Dosage: d.dosage(), Quantity: 10},
		}).ID
	}
	d.rx = prescribe()
	run(d, d.Ctx, s.HoldPrescription, clinical.HoldPrescriptionInput{ID: d.rx})
	run(d, d.Ctx, s.ResumePrescription, clinical.ResumePrescriptionInput{ID: d.rx})
	run(d, d.Ctx, s.CancelPrescription, clinical.CancelPrescriptionInput{ID: prescribe()})
	run(d, d.Ctx, s.StopPrescription, clinical.StopPrescriptionInput{ID: prescribe()})
	run(d, d.Ctx, s.EnterPrescriptionInError, clinical.EnterPrescriptionInErrorInput{ID: prescribe()})
	run(d, d.Ctx, s.LoadKnowledge, clinical.LoadKnowledgeInput{
		Terms: []clinical.DrugTerm{{}}, Relations: []clinical.DrugRelation{{
			Kind: clinical.RelationInteracts, Severity: hmstype.SeverityLow,
		}},
	})
	perform(d, d.Ctx, s.GetKnowledge)
	run(d, d.Ctx, s.GetPrescriptionHistory, d.rx)
	run(d, d.Ctx, s.GetPrescription, d.rx)
	run(d, d.Ctx, s.ListPrescriptions, clinical.ListPrescriptionsInput{Patient: d.Who.ID})
	run(d, d.Ctx, s.ListEncounterPrescriptions, d.Visit)
	perform(d, d.Ctx, s.Verify)
}

// twice overrides that the day's medicine is prescribed already.
func (d *Day) twice() []hmstype.Override {
	return []hmstype.Override{
		{Finding: string(hmstype.SafetyDuplicate) + ":" + d.rx.String(), Reason: hmstype.OverrideIntended},
	}
}

// dosage gives one, which has an amount and a unit before what else is said.
func (d *Day) dosage() string {
	return "1 dose " + d.Pen.Text("clinical.Prescribe.PrescriptionDetails.Dosage")
}

func (d *Day) dispensing() {
	s := d.H.Pharmacy
	dispense := func() pharmacy.Dispense {
		return run(d, d.Ctx, s.Dispense, pharmacy.DispenseInput{Prescription: d.rx, Location: d.location, Quantity: 2})
	}
	kept := dispense()
	run(d, d.Ctx, s.ReverseDispense, pharmacy.ReverseDispenseInput{Dispense: dispense().ID})
	run(d, d.Ctx, s.GetDispense, kept.ID)
	run(d, d.Ctx, s.GetDispenseHistory, kept.ID)
	run(d, d.Ctx, s.Adjust, pharmacy.AdjustInput{Batch: d.batch.ID, Location: d.location, Delta: -1})
	run(d, d.Ctx, s.ListShelf, pharmacy.ListShelfInput{})
	perform(d, d.Ctx, s.Verify)
}
