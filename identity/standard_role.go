package identity

import (
	"github.com/chelal/hms/hmstype"
)

// The names of the six standard roles.
const (
	RoleAdmin         = "Admin"
	RoleDoctor        = "Doctor"
	RoleNurse         = "Nurse"
	RoleReceptionist  = "Receptionist"
	RolePharmacist    = "Pharmacist"
	RoleLabTechnician = "Lab Technician"
)

// standardRole is a role that every tenant begins with.
type standardRole struct {
	Name        string
	Description string
	Permissions []hmstype.Permission
}

// standardRoles are those of the original request, with what each profession needs.
// Nobody but the administrator holds everything; prescribing and dispensing lie with
// different professions.
var standardRoles = withInbox([]standardRole{
	{Name: RoleAdmin, Description: "Full system access", Permissions: hmstype.Permissions()},
	{Name: RoleDoctor, Description: "Medical records, prescriptions, appointments", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermBreakGlass, hmstype.PermAppointmentRead,
		hmstype.PermAppointmentWrite,
		hmstype.PermClinicalRead, hmstype.PermClinicalWrite, hmstype.PermVitalsWrite,
		hmstype.PermPrescribe, hmstype.PermPrescriptionRead, hmstype.PermPharmacyRead,
		hmstype.PermLabRead, hmstype.PermLabOrder, hmstype.PermLabReview,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermCharge,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleNurse, Description: "Patient care, vitals, basic records", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermBreakGlass, hmstype.PermAppointmentRead, hmstype.PermClinicalRead,
		hmstype.PermVitalsWrite,
		hmstype.PermPrescriptionRead, hmstype.PermLabRead, hmstype.PermLabResult,
		hmstype.PermFacilityRead, hmstype.PermAdmit, hmstype.PermHousekeeping,
		hmstype.PermNotify, hmstype.PermTaskReadAll,
	}},
	{Name: RoleReceptionist, Description: "Appointments, patient registration", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPatientWrite, hmstype.PermAppointmentRead, hmstype.PermAppointmentWrite,
		hmstype.PermFacilityRead, hmstype.PermBillingRead, hmstype.PermBillWrite, hmstype.PermPayment,
		hmstype.PermRefundRequest,
	}},
	{Name: RolePharmacist, Description: "Pharmacy operations, dispensing", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermPrescriptionRead, hmstype.PermPharmacyRead, hmstype.PermPharmacyManage,
		hmstype.PermStockWrite, hmstype.PermDispense, hmstype.PermPharmacyReverse,
		hmstype.PermNotify,
	}},
	{Name: RoleLabTechnician, Description: "Lab orders and results", Permissions: []hmstype.Permission{
		hmstype.PermPatientRead, hmstype.PermLabRead, hmstype.PermLabOrder, hmstype.PermLabResult, hmstype.PermLabManage,
		hmstype.PermNotify,
	}},
})

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
