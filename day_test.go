package hms_test

import (
	"context"
	"crypto/rand"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// day is a tenant that has lived through a small day of a hospital: it has rows in nearly all
// tables, and remembers the ids that the services gave it.
type day struct {
	*hmstest.Env
	t      *testing.T
	ids    map[reflect.Type][]reflect.Value
	doctor context.Context //nolint:containedctx // a test's
	who    patient.Patient
}

// got is what a use case gave.
type got[T any] struct {
	value T
	err   error
}

func gave[T any](value T, err error) got[T] { return got[T]{value, err} }

// on requires that the use case went well, and remembers the ids.
func (g got[T]) on(d *day) T {
	d.t.Helper()
	require.NoError(d.t, g.err)
	d.remember(reflect.ValueOf(g.value))
	return g.value
}

// isID tells whether a type is one of the distinct types of ids.
func isID(t reflect.Type) bool {
	return t.Kind() == reflect.Array && strings.HasPrefix(t.Name(), "ID[") && strings.HasSuffix(t.PkgPath(), "/hmstype")
}

// remember takes all ids out of a value.
func (d *day) remember(v reflect.Value) {
	switch {
	case isID(v.Type()):
		if !v.IsZero() {
			d.ids[v.Type()] = append(d.ids[v.Type()], v)
		}
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				d.remember(v.Field(i))
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			d.remember(v.Index(i))
		}
	case v.Kind() == reflect.Pointer && !v.IsNil():
		d.remember(v.Elem())
	}
}

// withLog gives the configuration a signer, so that the audit trail can be sealed.
func withLog(t *testing.T) func(*hms.Config) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
	require.NoError(t, err)
	signer, err := note.NewSigner(secret)
	require.NoError(t, err)
	return func(c *hms.Config) {
		c.AuditLog = sealed.Config{Origin: "hms.test/trail", Signer: signer, Verifiers: []string{public}}
	}
}

// live lets a tenant live through its day.
func live(t *testing.T, env *hmstest.Env) *day {
	t.Helper()
	d := &day{Env: env, t: t, ids: map[reflect.Type][]reflect.Value{}}
	d.doctor = d.person(identity.RoleDoctor)
	for _, part := range []func(){
		d.staff, d.reception, d.treatment, d.pharmacy, d.laboratory, d.ward, d.till, d.emergency, d.post, d.office, d.evening,
	} {
		part()
	}
	d.histories()
	return d
}

// histories gives a row to each history of states that the day left empty.
func (d *day) histories() {
	tables := findings(d.t, d.Env, `SELECT c.relname FROM pg_class AS c
		JOIN pg_namespace AS n ON n.oid = c.relnamespace
		JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'stepped_at'
		WHERE n.nspname = 'hms' AND c.relkind = 'r'`)
	for _, table := range tables {
		_, err := d.DB.NewRaw(`INSERT INTO hms.?
			SELECT tenant_id, id, 1000, 'planned', 'active', ?, 'system:test', '' FROM hms.? AS t
			WHERE tenant_id = ? AND NOT EXISTS (SELECT 1 FROM hms.? AS h WHERE h.tenant_id = t.tenant_id) LIMIT 1`,
			bun.Ident(table),
			d.Now(), bun.Ident(strings.TrimSuffix(table, "_status")), d.Tenant, bun.Ident(table)).
			Exec(d.t.Context())
		require.NoError(d.t, err, table)
	}
}

// person gives the context of somebody who proved himself just now.
func (d *day) person(roles ...string) context.Context {
	actor := hmstype.HumanActor(d.Tenant, d.User(d.t, roles...))
	actor.AuthenticatedAt = d.Now()
	return hmstype.WithActor(d.t.Context(), actor)
}

const dayPassword hmstype.Secret = "seven green lanterns"

// staff has accounts with everything that an account can have.
func (d *day) staff() {
	h := d.H.Identity
	gave(h.GetTenant(d.Ctx)).on(d)
	gave(h.ListRoles(d.Ctx)).on(d)
	user := gave(h.CreateUser(d.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "nurse", Email: "nurse@example.org", FirstName: "A", LastName: "B"},
		Roles:   []string{identity.RoleNurse}, Invite: true,
	})).on(d)
	invitation := gave(h.Invite(d.Ctx, user.ID)).on(d)
	gave(h.AcceptInvitation(d.Ctx, identity.AcceptInvitationInput{Token: invitation.Token, Password: dayPassword})).on(d)
	login := gave(h.Login(d.Ctx, identity.LoginInput{Login: "nurse", Password: dayPassword, Source: "192.0.2.1"})).on(d)
	_, err := h.Login(d.Ctx, identity.LoginInput{Login: "nurse", Password: "wrong", Source: "192.0.2.1"})
	require.ErrorIs(d.t, err, identity.ErrLoginFailed)
	actor := gave(h.Authenticate(d.t.Context(), login.Token)).on(d)
	nurse := hmstype.WithActor(d.t.Context(), actor)
	enrolment := gave(h.BeginTOTP(nurse)).on(d)
	code, err := totp.GenerateCode(string(enrolment.Secret), d.Now())
	require.NoError(d.t, err)
	gave(h.ConfirmTOTP(nurse, hmstype.Secret(code))).on(d)
	gave(h.AddWebAuthnCredential(nurse, identity.WebAuthnCredential{WebAuthnDetails: identity.WebAuthnDetails{
		CredentialID: []byte("credential of the nurse"), PublicKey: []byte("key"), AAGUID: make([]byte, 16), Name: "Key",
	}})).on(d)
	gave(h.CreateAPIKey(d.Ctx, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: user.ID, Name: "Monitor", Scopes: []hmstype.Permission{hmstype.PermVitalsWrite},
		},
		Expiry: time.Hour,
	})).on(d)
	gave(h.RequestPasswordReset(d.Ctx, identity.RequestPasswordResetInput{Login: "nurse"})).on(d)
}

// reception registers a patient, notes his insurance and gives him an appointment.
func (d *day) reception() {
	d.who = gave(d.H.Patient.Register(d.Ctx, patient.RegisterInput{
		Details: patient.Details{
			FirstName: "Ada", LastName: "Test", BirthDate: hmstype.NewDate(1986, time.January, 15),
			Gender: patient.GenderFemale, PhoneNumber: "+1 555 0100",
		},
		Identifiers: []patient.Identifier{{System: "urn:passport", Value: "P1"}}, IdempotencyKey: "register",
	})).on(d)
	coverage := gave(d.H.Patient.AddCoverage(d.Ctx, patient.AddCoverageInput{
		Patient: d.who.ID, CoverageDetails: patient.CoverageDetails{
			PayerName: "Payer", PolicyNumber: "1", Percent: decimal.NewFromInt(50),
			ValidFrom: d.Today().AddDays(-30),
		},
	})).on(d)
	gave(d.H.Patient.CancelCoverage(d.Ctx, coverage.ID)).on(d)
	coverage.ValidFrom = d.Today()
	gave(d.H.Patient.AddCoverage(d.Ctx, patient.AddCoverageInput{
		Patient: d.who.ID, CoverageDetails: coverage.CoverageDetails,
	})).on(d)
	start := d.Now().Add(time.Hour)
	gave(d.H.Scheduling.Book(d.Ctx, scheduling.BookInput{
		Patient: d.who.ID, Practitioner: d.User(d.t, identity.RoleDoctor),
		Period: hmstype.Period{Start: start, End: start.Add(time.Hour)},
	})).on(d)
}

// treatment writes all that is written about a patient.
func (d *day) treatment() {
	h := d.H.Clinical
	encounter := gave(d.Encounter(d.t, d.who.ID, clinical.ClassAmbulatory), nil).on(d)
	pulse := 70
	gave(
		h.RecordVitals(
			d.Ctx,
			clinical.RecordVitalsInput{Encounter: encounter.ID, Measurements: clinical.Measurements{PulsePerMinute: &pulse}},
		),
	).on(d)
	gave(h.AddCondition(d.Ctx, clinical.AddConditionInput{
		Encounter: encounter.ID, ConditionDetails: clinical.ConditionDetails{Code: hmstype.Code{Display: "Cough"}},
	})).on(d)
	gave(h.RecordAllergy(d.Ctx, clinical.RecordAllergyInput{
		Patient: d.who.ID, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Latex"}},
	})).on(d)
	written := gave(
		h.WriteNote(
			d.doctor, clinical.WriteNoteInput{Encounter: encounter.ID, NoteBody: clinical.NoteBody{Assessment: "Well"}},
		),
	).on(d)
	gave(h.SignNote(d.doctor, written.ID)).on(d)
	gave(
		h.AddAddendum(d.doctor, clinical.AddAddendumInput{Note: written.ID, NoteBody: clinical.NoteBody{Plan: "Rest"}}),
	).on(d)
}

// pharmacy hands out part of a prescription.
func (d *day) pharmacy() {
	d.Service(d.t, "TAB", "0.25")
	stock := gave(d.Stock(d.t, 100, "TAB"), nil).on(d)
	rx := gave(prescribe(d.t, d.Env, stock.Item, 20, 1), nil).on(d)
	gave(
		d.H.Pharmacy.Dispense(
			d.Ctx,
			pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 20, IdempotencyKey: "dispense"},
		),
	).on(d)
	d.sell(stock)
}

// sell hands out over the counter, to the day's patient.
func (d *day) sell(stock hmstest.Stock) {
	gave(d.H.Pharmacy.Dispense(d.Ctx, pharmacy.DispenseInput{
		Patient: d.who.ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 40, OverrideReason: "no other",
	})).on(d)
}

// laboratory finds a critical value.
func (d *day) laboratory() {
	h := d.H.Lab
	high, critical := decimal.RequireFromString("5.1"), decimal.RequireFromString("6.5")
	test := gave(h.CreateTest(d.Ctx, lab.CreateTestInput{
		TestDetails: lab.TestDetails{Code: "K", Name: "Potassium", SpecimenType: "serum", TurnaroundMinutes: 60},
		Analytes: []lab.AnalyteInput{
			{AnalyteDetails: lab.AnalyteDetails{Code: "K", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L"}},
			{
				AnalyteDetails: lab.AnalyteDetails{Code: "C", Name: "Colour", ValueType: lab.ValueCoded},
				Answers:        []lab.Answer{{Code: "red", Display: "Red"}},
			},
		},
	})).on(d)
	gave(h.AddReferenceRange(d.Ctx, lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{
			Analyte: test.Analytes[0].ID, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2000, time.January, 1),
			Bounds: lab.Bounds{High: &high, CriticalHigh: &critical},
		},
	})).on(d)
	order := gave(h.AddOrder(d.doctor, lab.AddOrderInput{Patient: d.who.ID, Tests: []hmstype.LabTestID{test.ID}})).on(d)
	specimen := gave(
		h.CollectSpecimen(
			d.Ctx,
			lab.CollectSpecimenInput{Order: order.ID, Items: []hmstype.LabOrderItemID{order.Items[0].ID}, TwoIdentifiers: true},
		),
	).on(d)
	gave(h.ReceiveSpecimen(d.Ctx, lab.ReceiveSpecimenInput{ID: specimen.ID, Version: specimen.Version})).on(d)
	item := gave(h.GetOrder(d.Ctx, order.ID)).on(d).Items[0]
	entered := gave(h.EnterResult(d.person(identity.RoleLabTechnician), lab.EnterResultInput{
		ItemRef: lab.ItemRef{Order: order.ID, Item: item.ID, Version: item.Version},
		Values: []lab.EnteredValue{
			{Analyte: test.Analytes[0].ID, Value: lab.Value{Number: "7.0"}},
			{Analyte: test.Analytes[1].ID, Value: lab.Value{Code: "red"}},
		},
	})).on(d)
	gave(
		h.VerifyResult(
			d.doctor,
			lab.VerifyResultInput{ItemRef: lab.ItemRef{Order: order.ID, Item: item.ID, Version: entered.Item.Version}},
		),
	).on(d)
	alert := gave(h.ListCriticalAlerts(d.Ctx, lab.ListCriticalAlertsInput{})).on(d).Items[0]
	gave(
		h.AcknowledgeCritical(
			d.doctor, lab.AcknowledgeCriticalInput{ID: alert.ID, Comment: "told by telephone", ReadBack: true},
		),
	).on(d)
}

// ward has a patient in a bed, and a bed that is free.
func (d *day) ward() {
	bed := gave(d.Bed(d.t, ""), nil).on(d)
	gave(d.Bed(d.t, ""), nil).on(d)
	encounter := gave(d.Encounter(d.t, d.who.ID, clinical.ClassInpatient), nil).on(d)
	gave(d.H.Facility.Admit(d.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: bed.ID})).on(d)
}

// till bills, is paid, pays back and credits.
func (d *day) till() {
	h := d.H.Billing
	draft := gave(h.CreateBill(d.Ctx, billing.CreateBillInput{Patient: d.who.ID})).on(d)
	bill := gave(h.IssueBill(d.Ctx, billing.IssueBillInput{ID: draft.ID})).on(d)
	payment := gave(h.Pay(d.Ctx, billing.PayInput{
		Bill: bill.ID, Amount: hmstype.MustMoney("4.00", "USD"),
		PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash, ReferenceNumber: "R1"},
	})).on(d)
	gave(h.Refund(d.Ctx, billing.RefundInput{
		Payment: payment.ID, Amount: hmstype.MustMoney("1.00", "USD"),
		RefundDetails: billing.RefundDetails{Reason: "mistake", ReferenceNumber: "B1"},
	})).on(d)
	desk, ask := d.person(identity.RoleReceptionist), billing.RefundInput{
		Payment: payment.ID, Amount: hmstype.MustMoney("1.00", "USD"),
		RefundDetails: billing.RefundDetails{Reason: "mistake"},
	}
	withdrawn := gave(h.RequestRefund(desk, billing.RequestRefundInput(ask))).on(d)
	gave(h.WithdrawRefund(desk, withdrawn.ID)).on(d)
	gave(h.RequestRefund(desk, billing.RequestRefundInput(ask))).on(d)
	undone := gave(h.Pay(d.Ctx, billing.PayInput{
		Bill: bill.ID, Amount: hmstype.MustMoney("0.01", "USD"),
		PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
	})).on(d)
	gave(h.CancelPayment(d.Ctx, billing.CancelPaymentInput{Payment: undone.ID, Reason: "mistake"})).on(d)
	gave(h.IssueCreditNote(d.Ctx, billing.IssueCreditNoteInput{
		Bill: bill.ID, Lines: []billing.CreditLine{{Line: bill.Lines[0].ID, Quantity: decimal.NewFromInt(1)}},
		Reason: "mistake",
	})).on(d)
	items := gave(h.ListServiceItems(d.Ctx, hms.Page{})).on(d)
	gave(h.ListPrices(d.Ctx, items.Items[0].ID)).on(d)
	gave(h.CaptureCharge(d.Ctx, billing.CaptureChargeInput{Patient: d.who.ID, Service: "TAB"})).on(d)
}

// emergency breaks the glass of a restricted record.
func (d *day) emergency() {
	vip := gave(d.H.Patient.Register(d.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderOther}, Restricted: true,
	})).on(d)
	gave(d.H.Identity.BreakTheGlass(d.doctor, identity.BreakTheGlassInput{
		Patient: vip.ID,
		BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	})).on(d)
}

// post tells colleagues, and others, about the patient.
func (d *day) post() {
	h, nurse := d.H.Inbox, d.person(identity.RoleNurse)
	to := inbox.Recipient{Role: identity.RoleNurse}
	n := gave(
		h.Notify(
			d.Ctx,
			inbox.NotifyInput{
				To: to, NotificationDetails: inbox.NotificationDetails{Category: "test", Title: "Title"}, Patient: d.who.ID,
			},
		),
	).on(d)
	gave(h.MarkRead(nurse, inbox.MarkReadInput{IDs: []hmstype.NotificationID{n.ID}})).on(d)
	task := gave(
		h.CreateTask(
			d.Ctx,
			inbox.CreateTaskInput{To: to, TaskDetails: inbox.TaskDetails{Title: "Title"}, Patient: d.who.ID, DueAt: d.Now()},
		),
	).on(d)
	gave(h.EscalateTasks(d.Ctx, inbox.EscalateTasksInput{AsOf: d.Now(), Role: identity.RoleNurse})).on(d)
	gave(h.ClaimTask(nurse, task.ID)).on(d)
	thread := gave(h.StartThread(nurse, inbox.StartThreadInput{Subject: "Subject", Body: "Body", Patient: d.who.ID})).on(d)
	gave(h.SendMessage(nurse, inbox.SendMessageInput{Thread: thread.ID, Body: "Body"})).on(d)
	gave(d.H.Audit.RecordDisclosure(d.Ctx, audit.RecordDisclosureInput{
		Patient: d.who.ID,
		DisclosureDetails: audit.DisclosureDetails{
			DisclosedAt: d.Now(), Recipient: audit.Recipient{Name: "University"}, Description: "Vital signs", Purpose: "Study",
			Basis: audit.BasisResearch,
		},
	})).on(d)
	wrong := gave(d.H.Audit.RecordDisclosure(d.Ctx, audit.RecordDisclosureInput{
		Patient: d.who.ID,
		DisclosureDetails: audit.DisclosureDetails{
			DisclosedAt: d.Now(), Recipient: audit.Recipient{Name: "Court"}, Description: "A letter", Purpose: "Trial",
			Basis: audit.BasisJudicial,
		},
	})).on(d)
	gave(d.H.Audit.EnterDisclosureInError(d.Ctx, audit.EnterDisclosureInErrorInput{
		ID: wrong.ID, Version: wrong.Version, Reason: "it was another patient's",
	})).on(d)
}

// office keeps the records' rules.
func (d *day) office() {
	h := d.H.Audit
	gave(h.SetRetentionPolicy(d.Ctx, audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{
		Category: audit.CategoryAccess, Jurisdiction: "DE", KeepMonths: 120, Basis: "BGB 630f",
	}})).on(d)
	gave(
		h.PlaceLegalHold(
			d.Ctx, audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: d.who.ID, Reason: "lawsuit 7"}},
		),
	).on(d)
	gone := gave(d.H.Patient.Register(d.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Gone", Gender: patient.GenderOther, Email: "gone@example.org"},
	})).on(d)
	gave(d.H.Patient.SetStatus(d.Ctx, patient.SetStatusInput{
		ID: gone.ID, Version: gone.Version, Status: patient.StatusInactive, Reason: "moved away",
	})).on(d)
	gave(d.H.Encryption.Erase(d.Ctx, encryption.EraseInput{Patient: gone.ID, ErasureDetails: encryption.ErasureDetails{
		Basis: "GDPR 17(1)(b)", Reason: "consent was withdrawn",
	}})).on(d)
}

// evening seals the trail and looks back.
func (d *day) evening() {
	gave(d.H.AuditLog.Seal(d.Ctx, sealed.SealInput{})).on(d)
	gave(d.H.Audit.ListEventsOfPatient(d.Ctx, d.who.ID, hms.Page{})).on(d)
}
