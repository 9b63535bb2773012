package isolation_test

import (
	"reflect"
	"regexp"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

var (
	samplePulse = 70
	sampleHigh  = decimal.NewFromInt(5)
)

// samples are values that a validation lets pass, by type.
var samples = map[reflect.Type]any{
	reflect.TypeFor[decimal.Decimal]():  decimal.NewFromInt(1),
	reflect.TypeFor[time.Time]():        hmstest.Start,
	reflect.TypeFor[time.Duration]():    time.Hour,
	reflect.TypeFor[hmstype.Money]():    hmstype.MustMoney("1.00", "USD"),
	reflect.TypeFor[hmstype.Currency](): hmstype.Currency("USD"),
	reflect.TypeFor[hmstype.Date]():     hmstype.DateOf(hmstest.Start, time.UTC),
	reflect.TypeFor[hmstype.Period](): hmstype.Period{Start: hmstest.Start.Add(3 * time.Hour),
		End: hmstest.Start.Add(4 * time.Hour)},
	reflect.TypeFor[hmstype.Page]():                hmstype.Page{},
	reflect.TypeFor[hmstype.Permission]():          hmstype.PermVitalsWrite,
	reflect.TypeFor[hmstype.PurposeOfUse]():        hmstype.PurposeEmergency,
	reflect.TypeFor[identity.BreakGlassReason]():   identity.ReasonEmergency,
	reflect.TypeFor[identity.ReviewOutcome]():      identity.OutcomeJustified,
	reflect.TypeFor[identity.UserStatus]():         identity.UserLocked,
	reflect.TypeFor[patient.Precision]():           patient.Precision(""),
	reflect.TypeFor[patient.Gender]():              patient.GenderUnknown,
	reflect.TypeFor[patient.Status]():              patient.StatusInactive,
	reflect.TypeFor[clinical.Class]():              clinical.ClassAmbulatory,
	reflect.TypeFor[clinical.EncounterStatus]():    clinical.EncounterInProgress,
	reflect.TypeFor[scheduling.CancelCode]():       scheduling.CancelCode(""),
	reflect.TypeFor[clinical.Verification]():       clinical.Verification("confirmed"),
	reflect.TypeFor[clinical.AllergyStatus]():      clinical.AllergyStatus("inactive"),
	reflect.TypeFor[clinical.ConditionStatus]():    clinical.ConditionStatus("inactive"),
	reflect.TypeFor[clinical.Measurements]():       clinical.Measurements{PulsePerMinute: &samplePulse},
	reflect.TypeFor[pharmacy.BatchStatus]():        pharmacy.BatchStatus("quarantine"),
	reflect.TypeFor[lab.Priority]():                lab.Priority("routine"),
	reflect.TypeFor[lab.Sex]():                     lab.SexAny,
	reflect.TypeFor[lab.Bounds]():                  lab.Bounds{High: &sampleHigh},
	reflect.TypeFor[lab.Value]():                   lab.Value{Number: "1"},
	reflect.TypeFor[lab.ItemStatus]():              lab.ItemStatus(""),
	reflect.TypeFor[facility.BedStatus]():          facility.BedStatus(""),
	reflect.TypeFor[billing.Method]():              billing.MethodCash,
	reflect.TypeFor[billing.BillStatus]():          billing.BillStatus("issued"),
	reflect.TypeFor[billing.ChargeStatus]():        billing.ChargeStatus("not-billable"),
	reflect.TypeFor[billing.RefundRequestStatus](): billing.RefundRequestStatus("approved"),
	reflect.TypeFor[inbox.Priority]():              inbox.PriorityRoutine,
	reflect.TypeFor[inbox.Link]():                  inbox.Link{},
	reflect.TypeFor[inbox.TaskStatus]():            inbox.TaskStatus(""),
	reflect.TypeFor[audit.Basis]():                 audit.BasisLawEnforcement,
	reflect.TypeFor[audit.Suspicion]():             audit.SuspicionVolume,
	reflect.TypeFor[audit.Category]():              audit.CategoryAccess,
	reflect.TypeFor[audit.Suspension](): audit.Suspension{
		Agency: "Police", Statement: "would impede the inquiry", At: hmstest.Start.Add(-time.Hour),
		Until: hmstest.Start.Add(24 * time.Hour),
	},
}

// fields are values that a validation lets pass, by field.
var fields = map[string]any{
	"BreakGlassDetails.Text":              "Unconscious in the emergency room",
	"PrescribeInput.Dosage":               "1",
	"Profile.Email":                       "somebody@example.org",
	"Profile.Language":                    "en",
	"SetUserRolesInput.Roles":             []string{identity.RoleNurse},
	"TenantDetails.TimeZone":              "UTC",
	"CoverageDetails.Relationship":        "self",
	"CoverageDetails.ValidUntil":          hmstype.Date{},
	"RangeDetails.ValidTo":                hmstype.Date{},
	"SetPriceInput.Until":                 hmstype.Date{},
	"ReviseConditionInput.Reason":         "",
	"RecordAllergyInput.Category":         "food",
	"RecordAllergyInput.Criticality":      "low",
	"MoveEncounterInput.Status":           clinical.EncounterOnLeave,
	"FinishEncounterInput.Disposition":    "home",
	"FinishEncounterInput.Service":        "TAB",
	"OpenEncounterInput.Service":          "TAB",
	"CaptureChargeInput.Service":          "TAB",
	"Request.Service":                     "TAB",
	"Source.Kind":                         "dispense",
	"CollectSpecimenInput.TwoIdentifiers": true,
	"NotifyInput.Category":                "test",
	"RetentionPolicyDetails.Jurisdiction": "DE",
	"RetentionPolicyDetails.KeepMonths":   120,
	"NotifyInput.ExpiresAt":               time.Time{},
	"Recipient.Role":                      "",
	"ListEventsInput.Actor":               "",
	"ExportEventsInput.Actor":             "",
	"ListEventsInput.Entity":              "patient",
	"ExportEventsInput.Entity":            "patient",
	"ListAppointmentsInput.Day":           hmstype.Date{},
	"SearchInput.PhoneNumber":             "555 0100",
}

// idTexts are fields of text that hold an id, and of what.
var idTexts = map[string]reflect.Type{
	"ListEventsInput.EntityID":   reflect.TypeFor[hmstype.PatientID](),
	"ExportEventsInput.EntityID": reflect.TypeFor[hmstype.PatientID](),
	"Source.ID":                  reflect.TypeFor[hmstype.DispenseID](),
}

// notAsked are methods that a call with made-up arguments says nothing about, and why.
var notAsked = map[string]string{
	"identity.AddWebAuthnCredential": "makes the id itself; acts on the actor's own account, at once",
	"identity.Bind":                  "wires; touches nothing",
	"identity.Authorize":             "takes the actor himself, whom the host vouches for",
	"outbox.Relay":                   "takes a function and no id",
}

// ofOwnTrail are questions to the caller's own trail about a patient's id, and why: what was asked before with that id
// is on it, which no rollback takes back, so the next one is told of it.
var ofOwnTrail = map[string]string{
	"audit.ListEventsOfPatient": "lists what was asked before with the same id",
	"audit.ListAccesses":        "the same",
	"audit.ListAccessTotals":    "the same, summed up",
}

// byOthers is what such an answer says of more than questions: the patient is another tenant's, whose trail has it.
var byOthers = regexp.MustCompile(`"(create|update)"`)

// keepsUnchecked are methods that keep an id without looking it up, and why.
var keepsUnchecked = map[string]string{
	"billing.Post": "the source of a charge is in the caller's own words, and is never followed",
}
