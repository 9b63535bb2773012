package hospital_test

import (
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

func (w *work) till() {
	s := w.H.Billing
	does(w, w.Ctx, s.CaptureCharge, billing.CaptureChargeInput{
		Patient: w.who, Service: "CONS", Quantity: decimal.NewFromInt(1),
	})
	require.NotEmpty(w, does(w, w.me, w.H.Patient.Search, patient.SearchInput{Name: "Test"}).Items)
	require.Len(w, does(w, w.me, s.ListCharges, billing.ListChargesInput{Patient: w.who}).Items, 1)
	draft := does(w, w.me, s.CreateBill, billing.CreateBillInput{Patient: w.who})
	bill := does(w, w.me, s.IssueBill, billing.IssueBillInput{ID: draft.ID})
	paid := does(w, w.me, s.Pay, billing.PayInput{
		Bill: bill.ID, Amount: bill.Total, PaymentDetails: billing.PaymentDetails{Method: billing.MethodCash},
	})
	does(w, w.me, s.RequestRefund, billing.RequestRefundInput{
		Payment: paid.ID, Amount: hmstype.MustMoney("1.00", "USD"), RefundDetails: billing.RefundDetails{Reason: "too much"},
	})
	does(w, w.me, s.ListPayments, bill.ID)
	does(w, w.me, s.GetDaySummary, billing.GetDaySummaryInput{Day: w.Today()})
}

func (w *work) admission() {
	s := w.H.Facility
	w.Bed(w, "")
	w.Bed(w, "")
	does(w, w.me, w.H.Patient.Get, w.who)
	encounter := does(w, w.me, w.H.Clinical.OpenEncounter, clinical.OpenEncounterInput{
		Patient: w.who, Practitioner: w.found(), Class: clinical.ClassInpatient,
	})
	free := does(w, w.me, s.ListBeds, facility.ListBedsInput{Status: facility.BedUnoccupied})
	require.Len(w, free, 2)
	stay := does(w, w.me, s.Admit, facility.AdmitInput{Encounter: encounter.ID, Bed: free[0].ID})
	w.Advance(time.Minute)
	does(w, w.me, s.Transfer, facility.TransferInput{Stay: stay.ID, Bed: free[1].ID})
	require.NotEmpty(w, does(w, w.me, s.ListStays, facility.ListStaysInput{}).Items)
}

func (w *work) cleaning() {
	s := w.H.Facility
	_, stay := w.inBed()
	does(w, w.Ctx, s.OrderDischarge, stay.ID)
	does(w, w.Ctx, s.Depart, facility.DepartInput{Stay: stay.ID})
	bed := stay.Bed
	for range 2 { // cleaned, and looked at
		cleaned := does(w, w.me, s.MarkCleaned, bed)
		if cleaned.Status == facility.BedUnoccupied {
			break
		}
	}
	free := does(w, w.me, s.ListBeds, facility.ListBedsInput{Status: facility.BedUnoccupied})
	require.Len(w, free, 1)
	does(w, w.me, s.GetBedHistory, bed)
}

func (w *work) audit() {
	vip := does(w, w.Ctx, w.H.Patient.Register, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderUnknown}, Restricted: true,
	})
	doctor := proved(w.Env, w.As(w, identity.RoleDoctor))
	grant := does(w, doctor, w.H.Identity.BreakTheGlass, identity.BreakTheGlassInput{
		Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	})
	waiting := does(w, w.me, w.H.Identity.ListBreakGlassGrants, identity.ListBreakGlassGrantsInput{Unreviewed: true})
	require.Len(w, waiting.Items, 1)
	does(w, w.me, w.H.Identity.ReviewBreakGlass, identity.ReviewBreakGlassInput{
		ID: grant.ID, BreakGlassReview: identity.BreakGlassReview{
			Outcome: identity.OutcomeJustified, ReviewText: "seen in the emergency room's log",
		},
	})
	lately := hmstype.Period{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)} // the database's clock
	require.NotEmpty(w, does(w, w.me, w.H.Audit.ListEvents, audit.ListEventsInput{During: lately}).Items)
	does(w, w.me, w.H.Audit.ListUnusual, audit.ListUnusualInput{
		Suspicion: audit.SuspicionAfterHours, During: lately,
		Hours: audit.Hours{Opens: 8 * time.Hour, Closes: 18 * time.Hour},
	})
	require.NotEmpty(w, does(w, w.me, w.H.Identity.ListUsers, hmstype.Page{}).Items)
	report, err := w.H.AuditLog.Verify(w.me)
	require.NoError(w, err)
	require.True(w, report.Clean(), report)
}

func (w *work) administration() {
	s := w.H.Identity
	role := does(w, w.me, s.CreateRole, identity.CreateRoleInput{
		Name: "Reader", RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermPatientRead}},
	})
	hired := does(w, w.me, s.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{Username: "n.okoye", FirstName: "Ngozi", LastName: "Okoye", Speciality: "Midwifery"},
		Roles:   []string{identity.RoleNurse},
	})
	hired = does(w, w.me, s.SetUserRoles, identity.SetUserRolesInput{
		ID: hired.ID, Roles: []string{identity.RoleNurse, role.Name},
	})
	does(w, w.me, s.CreateAPIKey, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{
			User: hired.ID, Name: "monitor", Scopes: []hmstype.Permission{hmstype.PermPatientRead},
		},
		Expiry: time.Hour,
	})
	require.NoError(w, s.EndSessions(w.me, hired.ID))
	does(w, w.me, s.SetUserStatus, identity.SetUserStatusInput{ID: hired.ID, Status: identity.UserLocked})
	ward := does(w, w.me, w.H.Facility.CreateWard, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: "Maternity", Type: "general"},
	})
	does(w, w.me, w.H.Facility.CreateBed, facility.CreateBedInput{
		Ward: ward.ID, BedDetails: facility.BedDetails{Number: "1", Type: "standard"},
	})
	item := does(w, w.me, w.H.Billing.CreateServiceItem, billing.CreateServiceItemInput{
		Code: "BIRTH", ServiceDetails: billing.ServiceDetails{Name: "Birth", Category: "Maternity"},
	})
	does(w, w.me, w.H.Billing.SetPrice, billing.SetPriceInput{
		Service: item.ID, Amount: hmstype.MustMoney("900.00", "USD"), From: w.Today(),
	})
}
