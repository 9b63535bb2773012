package identity

import (
	"slices"

	"github.com/chelal/hms/hmstype"
)

// The names of the standard roles: the six of every hospital system, and those whose work must not lie
// with one of them.
const (
	RoleAdmin         = "Admin"
	RoleDoctor        = "Doctor"
	RoleNurse         = "Nurse"
	RoleReceptionist  = "Receptionist"
	RolePharmacist    = "Pharmacist"
	RoleLabTechnician = "Lab Technician"
	RoleLabSupervisor = "Laboratory Supervisor"
	RoleCashier       = "Cashier"
	RoleWardClerk     = "Ward Clerk"
	RoleAuditor       = "Auditor"
)

// standardRole is a role that every tenant begins with.
type standardRole struct {
	Name        string
	Description string
	Permissions []hmstype.Permission
}

// standardRoles are what each profession needs for a day's work, and no more. Nobody holds everything:
// the administrator does not treat; prescribing and dispensing, selling and collecting, working and
// auditing lie with different professions. docs/permissions.md has them as one table.
var standardRoles = withInbox([]standardRole{
	{Name: RoleAdmin, Description: "Full system access, but no treatment", Permissions: allBut(hmstype.PermTreat)},
	{Name: RoleDoctor, Description: "Medical records, prescriptions, appointments", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermBreakGlass, hmstype.PermPractitionerRead,
		hmstype.PermDutyRead, hmstype.PermAppointmentRead, hmstype.PermAppointmentWrite,
		hmstype.PermTreat, hmstype.PermClinicalRead, hmstype.PermClinicalWrite, hmstype.PermEncounterWrite,
		hmstype.PermNoteWrite, hmstype.PermVitalsWrite, hmstype.PermAllergyRead,
		hmstype.PermPrescribe, hmstype.PermPrescriptionRead, hmstype.PermPharmacyRead,
		hmstype.PermLabRead, hmstype.PermLabOrder, hmstype.PermLabCollect, hmstype.PermLabReview, hmstype.PermLabAcknowledge,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermServiceRead, hmstype.PermCharge,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleNurse, Description: "Patient care, vitals, basic records", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermBreakGlass, hmstype.PermPractitionerRead, hmstype.PermDutyRead,
		hmstype.PermAppointmentRead, hmstype.PermTreat, hmstype.PermClinicalRead, hmstype.PermEncounterWrite,
		hmstype.PermNoteWrite, hmstype.PermVitalsWrite, hmstype.PermAllergyRead, hmstype.PermPrescriptionRead,
		hmstype.PermLabRead, hmstype.PermLabCollect, hmstype.PermLabAcknowledge,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermHousekeeping,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleReceptionist, Description: "Appointments, patient registration", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermPractitionerRead, hmstype.PermDutyRead,
		hmstype.PermAppointmentRead, hmstype.PermAppointmentWrite, hmstype.PermEncounterWrite,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermServiceRead,
	}},
	{Name: RolePharmacist, Description: "Pharmacy operations, dispensing", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermAllergyRead, hmstype.PermPrescriptionRead, hmstype.PermPractitionerRead,
		hmstype.PermDutyRead, hmstype.PermPharmacyRead, hmstype.PermPharmacyManage, hmstype.PermKnowledge,
		hmstype.PermStockWrite, hmstype.PermDispense, hmstype.PermPharmacyReverse,
		hmstype.PermNotify,
	}},
	{Name: RoleLabTechnician, Description: "Lab orders and results", Permissions: labWork()},
	{
		Name: RoleLabSupervisor, Description: "Lab orders and results, the catalogue and its ranges",
		Permissions: append(labWork(), hmstype.PermLabManage, hmstype.PermServiceRead),
	},
	{Name: RoleCashier, Description: "Bills, payments, refunds on request", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermServiceRead, hmstype.PermBillingRead, hmstype.PermBillWrite,
		hmstype.PermPayment, hmstype.PermRefundRequest,
	}},
	{Name: RoleWardClerk, Description: "Admission, transfers, beds", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPractitionerRead, hmstype.PermDutyRead, hmstype.PermDutyWrite,
		hmstype.PermAppointmentRead, hmstype.PermEncounterWrite,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermHousekeeping,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleAuditor, Description: "The audit trail and what needs review", Permissions: []hmstype.Permission{
		hmstype.PermIdentityRead, hmstype.PermAuditRead, hmstype.PermAuditVerify, hmstype.PermBreakGlassReview,
	}},
})

// labWork is what working on specimens needs, from the draw to the report.
func labWork() []hmstype.Permission {
	return []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPractitionerRead, hmstype.PermDutyRead, hmstype.PermLabRead,
		hmstype.PermLabOrder, hmstype.PermLabCollect, hmstype.PermLabEnter, hmstype.PermLabVerify,
		hmstype.PermLabRelease, hmstype.PermNotify,
	}
}

// allBut gives the catalogue without one.
func allBut(without hmstype.Permission) []hmstype.Permission {
	return slices.DeleteFunc(hmstype.Permissions(), func(p hmstype.Permission) bool { return p == without })
}

// withInbox adds what every profession needs to see and do what waits for it. The administrator
// holds it already.
func withInbox(roles []standardRole) []standardRole {
	for i := range roles {
		if roles[i].Name != RoleAdmin {
			roles[i].Permissions = append(roles[i].Permissions, hmstype.PermInboxRead,
				hmstype.PermTaskRead, hmstype.PermTaskWrite, hmstype.PermMessageRead, hmstype.PermMessageWrite)
		}
	}
	return roles
}
