package hospital_test

import (
	"context"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// work is what somebody of one role does on one day: a hospital that stands, with what others did before
// as the host's own actor, and one account.
type work struct {
	*testing.T
	*hmstest.Env
	me     context.Context //nolint:containedctx // a test's: who works
	other  context.Context //nolint:containedctx // a colleague of the same role
	doctor hms.UserID      // whom the directory lists
	who    hmstype.PatientID
}

// Whoever works in a hospital does his day's work from end to end with the standard role of his trade:
// nobody else's role is needed, and nobody is given more than it.
func TestWork_OneRoleIsEnough(t *testing.T) {
	t.Parallel()
	for name, day := range map[string]struct {
		role string
		work func(*work)
	}{
		"walk-in":        {identity.RoleReceptionist, (*work).walkIn},
		"triage":         {identity.RoleNurse, (*work).triage},
		"round":          {identity.RoleDoctor, (*work).round},
		"discharge":      {identity.RoleDoctor, (*work).discharge},
		"phlebotomy":     {identity.RoleLabTechnician, (*work).phlebotomy},
		"bench":          {identity.RoleLabTechnician, (*work).bench},
		"lab catalogue":  {identity.RoleLabSupervisor, (*work).labCatalogue},
		"dispensing":     {identity.RolePharmacist, (*work).dispensing},
		"till":           {identity.RoleCashier, (*work).till},
		"admission":      {identity.RoleWardClerk, (*work).admission},
		"desk admission": {identity.RoleReceptionist, (*work).admission},
		"cleaning":       {identity.RoleWardClerk, (*work).cleaning},
		"audit":          {identity.RoleAuditor, (*work).audit},
		"administration": {identity.RoleAdmin, (*work).administration},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := hmstest.New(t)
			env.Service(t, "CONS", "40.00")
			w := &work{
				T: t, Env: env, me: proved(env, env.As(t, day.role)), other: env.As(t, day.role),
				doctor: env.User(t, identity.RoleDoctor), who: env.Patient(t).ID,
			}
			day.work(w)
		})
	}
}

// proved gives the actor as one who has just given his password.
func proved(env *hmstest.Env, ctx context.Context) context.Context { //nolint:revive // the environment comes first
	actor, err := hmstype.ActorFrom(ctx)
	if err != nil {
		panic(err)
	}
	actor.AuthenticatedAt = env.Now()
	return hms.WithActor(ctx, actor)
}

// does calls a use case, which must succeed.
func does[In, Out any](w *work, ctx context.Context, fn func(context.Context, In) (Out, error), in In) Out {
	w.Helper()
	out, err := fn(ctx, in)
	require.NoError(w, err)
	return out
}

// found gives the only practitioner whom the directory lists under a role.
func (w *work) found() hms.UserID {
	w.Helper()
	list := does(w, w.me, w.H.Identity.ListPractitioners, identity.ListPractitionersInput{Role: identity.RoleDoctor})
	require.NotEmpty(w, list.Items)
	return list.Items[0].User
}

func (w *work) walkIn() {
	s := w.H.Patient
	require.Empty(w, does(w, w.me, s.Search, patient.SearchInput{Name: "Okoye"}).Items)
	p := does(w, w.me, s.Register, patient.RegisterInput{Details: patient.Details{
		FirstName: "Ngozi", LastName: "Okoye", Gender: patient.GenderFemale, BirthDate: hmstype.NewDate(1990, 5, 1),
	}})
	does(w, w.me, s.AddCoverage, patient.AddCoverageInput{
		Patient: p.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "National Health Fund", PolicyNumber: "P-1", Percent: decimal.NewFromInt(80), ValidFrom: w.Today(),
		},
	})
	require.NotEmpty(w, does(w, w.me, w.H.Billing.ListServiceItems, hmstype.Page{}).Items, "she tells what it costs")
	start := w.Now().Add(10 * time.Minute)
	booked := does(w, w.me, w.H.Scheduling.Book, scheduling.BookInput{
		Patient: p.ID, Practitioner: w.found(), Period: hmstype.Period{Start: start, End: start.Add(20 * time.Minute)},
	})
	does(w, w.me, w.H.Scheduling.ListAppointments, scheduling.ListAppointmentsInput{Day: w.Today()})
	does(w, w.me, w.H.Scheduling.CheckIn, booked.ID)
	opened := does(w, w.me, w.H.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Appointment: booked.ID, Class: clinical.ClassAmbulatory, Status: clinical.EncounterArrived,
	})
	does(w, w.me, w.H.Clinical.CancelEncounter, clinical.CancelEncounterInput{ID: opened.ID, Reason: "left"})
}

func (w *work) triage() {
	s := w.H.Clinical
	opened := does(w, w.me, s.OpenEncounter, clinical.OpenEncounterInput{
		Patient: w.who, Practitioner: w.found(), Class: clinical.ClassEmergency, Status: clinical.EncounterArrived,
	})
	require.Empty(w, does(w, w.me, s.ListAllergies, w.who))
	does(w, w.me, s.RecordAllergy, clinical.RecordAllergyInput{
		Patient: w.who, AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: "Amoxicillin"}, Criticality: "high",
		},
	})
	pulse := 110
	does(w, w.me, s.RecordVitals, clinical.RecordVitalsInput{
		Encounter: opened.ID, Measurements: clinical.Measurements{PulsePerMinute: &pulse},
	})
	note := does(w, w.me, s.WriteNote, clinical.WriteNoteInput{
		Encounter: opened.ID, NoteBody: clinical.NoteBody{ChiefComplaint: "chest pain", Assessment: "orange"},
	})
	does(w, w.me, s.SignNote, note.ID)
	does(w, w.me, s.MoveEncounter, clinical.MoveEncounterInput{ID: opened.ID, Status: clinical.EncounterTriaged})
}

// inBed admits the patient, as others did yesterday.
func (w *work) inBed() (clinical.Encounter, facility.Stay) {
	w.Helper()
	encounter := does(w, w.Ctx, w.H.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Patient: w.who, Practitioner: w.doctor, Class: clinical.ClassInpatient,
	})
	stay := does(w, w.Ctx, w.H.Facility.Admit, facility.AdmitInput{Encounter: encounter.ID, Bed: w.Bed(w, "").ID})
	w.Advance(time.Hour)
	return encounter, stay
}

func (w *work) round() {
	s := w.H.Clinical
	encounter, _ := w.inBed()
	entered := w.entered(w.Ctx, w.ordered(w.potassium()), "6.9")
	does(w, w.me, w.H.Facility.ListStays, facility.ListStaysInput{})
	does(w, w.me, w.H.Facility.GetCensus, facility.GetCensusInput{At: w.Now()})
	does(w, w.me, s.GetEncounter, encounter.ID)
	does(w, w.me, s.ListVitals, clinical.ListVitalsInput{Patient: w.who})
	does(w, w.me, s.ListNotes, clinical.ListNotesInput{Patient: w.who})
	note := does(w, w.me, s.WriteNote, clinical.WriteNoteInput{
		Encounter: encounter.ID, NoteBody: clinical.NoteBody{Assessment: "better", Plan: "home tomorrow"},
	})
	does(w, w.me, s.SignNote, note.ID)
	does(w, w.me, s.AddCondition, clinical.AddConditionInput{
		Encounter: encounter.ID, ConditionDetails: clinical.ConditionDetails{Code: hmstype.Code{
			System: hmstype.SystemICD10, Value: "R07.4", Display: "Chest pain",
		}},
	})
	does(w, w.me, s.Prescribe, prescription(encounter.ID, hmstype.MedicationItemID{}))
	alerts := does(w, w.me, w.H.Lab.ListCriticalAlerts, lab.ListCriticalAlertsInput{OnlyOpen: true})
	does(w, w.me, w.H.Lab.AcknowledgeCritical, lab.AcknowledgeCriticalInput{
		ID: alerts.Items[0].ID, Comment: "calcium given", ReadBack: true,
	})
	verified := does(w, w.Ctx, w.H.Lab.VerifyResult, lab.VerifyResultInput{ItemRef: at(entered.Item), Release: true})
	does(w, w.me, w.H.Lab.ReviewResult, lab.ReviewResultInput{ItemRef: at(verified.Item)})
	does(w, w.me, w.H.Lab.AddOrder, lab.AddOrderInput{Patient: w.who, Tests: []hmstype.LabTestID{verified.Item.Test}})
	does(w, w.me, w.H.Billing.ListServiceItems, hmstype.Page{})
}

func (w *work) discharge() {
	s := w.H.Clinical
	encounter, stay := w.inBed()
	rx := does(w, w.me, s.Prescribe, prescription(encounter.ID, hmstype.MedicationItemID{}))
	does(w, w.me, s.StopPrescription, clinical.StopPrescriptionInput{ID: rx.ID, Reason: "not needed at home"})
	note := does(w, w.me, s.WriteNote, clinical.WriteNoteInput{
		Encounter: encounter.ID, NoteBody: clinical.NoteBody{Assessment: "well", Plan: "sees the family doctor"},
	})
	does(w, w.me, s.SignNote, note.ID)
	does(w, w.me, w.H.Facility.OrderDischarge, stay.ID)
	w.Advance(time.Minute)
	does(w, w.me, w.H.Facility.Depart, facility.DepartInput{Stay: stay.ID})
	does(w, w.me, s.FinishEncounter, clinical.FinishEncounterInput{
		ID: encounter.ID, Service: "CONS", EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
}

func prescription(encounter hmstype.EncounterID, item hmstype.MedicationItemID) clinical.PrescribeInput {
	return clinical.PrescribeInput{Encounter: encounter, PrescriptionDetails: clinical.PrescriptionDetails{
		Medication: item, MedicationName: "Paracetamol 500 mg", Unit: "tablet", Dosage: "500 mg", Frequency: "4x",
		Duration: "5 days",
		Quantity: 20,
	}}
}

func (w *work) dispensing() {
	s := w.H.Pharmacy
	stock := w.Stock(w, 100, "")
	encounter := w.Encounter(w, w.who, clinical.ClassAmbulatory)
	rx := does(w, w.Ctx, w.H.Clinical.Prescribe, prescription(encounter.ID, stock.Item.ID))
	does(w, w.me, w.H.Patient.Get, w.who)
	does(w, w.me, w.H.Clinical.ListPrescriptions, clinical.ListPrescriptionsInput{Patient: w.who})
	does(w, w.me, w.H.Clinical.GetPrescription, rx.ID)
	require.Empty(w, does(w, w.me, w.H.Clinical.ListAllergies, w.who))
	does(w, w.me, s.ListShelf, pharmacy.ListShelfInput{})
	given := does(w, w.me, s.Dispense, pharmacy.DispenseInput{
		Prescription: rx.ID, Location: stock.Location, Quantity: 10,
	})
	does(w, w.me, s.ReverseDispense, pharmacy.ReverseDispenseInput{Dispense: given.ID, Reason: "wrong person"})
	does(w, w.me, s.ReceiveBatch, pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{
			Item: stock.Item.ID, Supplier: stock.Batch.Supplier, BatchNumber: "B2", ExpiryDate: w.Today().AddDays(300),
		},
		Location: stock.Location, Quantity: 50, CostPrice: hmstype.MustMoney("0.10", "USD"),
		SellingPrice: hmstype.MustMoney("0.25", "USD"),
	})
	does(w, w.me, s.Adjust, pharmacy.AdjustInput{
		Batch: stock.Batch.ID, Location: stock.Location, Delta: -1, Reason: "broken",
	})
	report, err := s.Verify(w.me)
	require.NoError(w, err)
	require.True(w, report.Clean())
}
