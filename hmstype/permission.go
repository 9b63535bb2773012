package hmstype

import "context"

// Permission names what a role may allow. The catalogue is [Permissions]; a host adds its own by
// hms.Config.Permissions, see [HostPermission].
type Permission string

// The catalogue of permissions.
const (
	PermIdentityRead     Permission = "identity.read"     // see users and roles
	PermIdentityManage   Permission = "identity.manage"   // create users, roles and tenants' settings
	PermIdentityEscalate Permission = "identity.escalate" // give others what one does not hold oneself
	// approve what another asked for: administrators, changed roles, second factors
	PermIdentityApprove Permission = "identity.approve"
	PermAuthenticate    Permission = "identity.authenticate" // log people in, on behalf of the host
	PermAuditRead       Permission = "audit.read"            // read the audit trail
	PermAuditVerify     Permission = "audit.verify"          // verify the audit trail
	PermAuditSeal       Permission = "audit.seal"            // add to the trail's signed log
	PermAuditRestore    Permission = "audit.restore"         // record that the database was restored
	PermDisclose        Permission = "audit.disclose"        // record, suspend and correct disclosures
	// set how long the trail is kept, place and release legal holds
	PermAuditRetain Permission = "audit.retain"

	PermPatientRead       Permission = "patient.read"       // read and search patients
	PermPatientWrite      Permission = "patient.write"      // register and change patients and coverage
	PermPatientRestricted Permission = "patient.restricted" // see patients with a restricted record

	// open the restricted record of one patient in an emergency
	PermBreakGlass       Permission = "patient.break_glass"
	PermBreakGlassReview Permission = "patient.break_glass_review" // review such grants of others

	PermPractitionerRead Permission = "practitioner.read" // search the directory of those who treat
	PermDutyRead         Permission = "duty.read"         // see who is on duty where and when
	PermDutyWrite        Permission = "duty.write"        // assign staff to wards, services and times
	PermAppointmentRead  Permission = "appointment.read"  // see calendars
	PermAppointmentWrite Permission = "appointment.write" // book, check in, cancel
	// be the practitioner of an appointment, an encounter, a note or a prescription: what a role that treats
	// holds, asked of the person whom an input names and not of who enters it
	PermTreat            Permission = "clinical.treat"
	PermClinicalRead     Permission = "clinical.read"   // read encounters, notes, vitals, problems, allergies
	PermClinicalWrite    Permission = "clinical.write"  // finish encounters, write problems, withdraw what is wrong
	PermEncounterWrite   Permission = "encounter.write" // open, move and cancel encounters
	PermNoteWrite        Permission = "note.write"      // write notes, sign and add to one's own
	PermVitalsWrite      Permission = "vitals.write"    // record vital signs and allergies
	PermAllergyRead      Permission = "allergy.read"    // read allergies, without the rest of the record
	PermPrescribe        Permission = "prescription.write"
	PermPrescriptionRead Permission = "prescription.read"
	PermKnowledge        Permission = "clinical.knowledge" // load what is known of medicines, which verdicts are made by

	PermPharmacyRead    Permission = "pharmacy.read"     // see formulary and stock
	PermPharmacyManage  Permission = "pharmacy.manage"   // keep the formulary and suppliers
	PermStockWrite      Permission = "stock.write"       // receive, adjust, quarantine and recall stock
	PermDispense        Permission = "pharmacy.dispense" // hand out medication
	PermPharmacyReverse Permission = "pharmacy.reverse"  // take back what was handed out

	PermLabRead        Permission = "lab.read"        // see the catalogue, orders and results
	PermLabManage      Permission = "lab.manage"      // keep the catalogue and reference ranges
	PermLabOrder       Permission = "lab.order"       // order tests
	PermLabCollect     Permission = "lab.collect"     // draw specimens
	PermLabEnter       Permission = "lab.enter"       // receive and reject specimens, enter results
	PermLabVerify      Permission = "lab.verify"      // verify what somebody entered
	PermLabRelease     Permission = "lab.release"     // release what is verified, correct and withdraw what was released
	PermLabReview      Permission = "lab.review"      // note that one has read the results
	PermLabAcknowledge Permission = "lab.acknowledge" // answer, close and escalate critical values

	PermBillingRead   Permission = "billing.read"   // see charges, bills and the ledger
	PermServiceRead   Permission = "service.read"   // see the service catalogue and its prices
	PermBillingManage Permission = "billing.manage" // keep the service catalogue and prices
	PermCharge        Permission = "billing.charge" // capture a charge by hand
	PermBillWrite     Permission = "billing.bill"   // make and issue bills
	PermPayment       Permission = "billing.payment"
	PermRefundRequest Permission = "billing.refund_request" // ask for a refund
	PermRefundApprove Permission = "billing.refund_approve" // approve what another asked for

	PermFacilityRead   Permission = "facility.read"   // see wards, beds and the census
	PermFacilityManage Permission = "facility.manage" // keep wards and beds
	PermAdmit          Permission = "facility.admit"  // admit, transfer, discharge
	PermHousekeeping   Permission = "facility.clean"  // report beds as cleaned

	PermInboxRead    Permission = "inbox.read"    // read one's own notifications and those of one's roles
	PermNotify       Permission = "inbox.notify"  // send notifications
	PermTaskRead     Permission = "task.read"     // see the tasks that concern oneself or one's roles
	PermTaskReadAll  Permission = "task.read_all" // see everybody's tasks
	PermTaskWrite    Permission = "task.write"    // ask for tasks, and take and do those that concern oneself
	PermTaskManage   Permission = "task.manage"   // reassign and cancel everybody's tasks, escalate what is overdue
	PermMessageRead  Permission = "message.read"  // read the threads in which one takes part
	PermMessageWrite Permission = "message.write" // begin threads and write in them

	PermEncryptionManage Permission = "encryption.manage" // rotate keys and re-encrypt
	PermErase            Permission = "encryption.erase"  // make a person's sealed data unreadable for ever

	PermOutboxRelay  Permission = "outbox.relay"  // deliver events to the host's bus
	PermOutboxManage Permission = "outbox.manage" // see, retry and discard events that were not delivered
)

// Permissions lists the catalogue, sorted by area.
func Permissions() []Permission {
	return []Permission{
		PermIdentityRead, PermIdentityManage, PermIdentityEscalate, PermIdentityApprove, PermAuthenticate,
		PermAuditRead, PermAuditVerify,
		PermAuditSeal, PermAuditRestore, PermDisclose, PermAuditRetain,
		PermPatientRead, PermPatientWrite, PermPatientRestricted, PermBreakGlass, PermBreakGlassReview,
		PermPractitionerRead, PermDutyRead, PermDutyWrite,
		PermAppointmentRead, PermAppointmentWrite, PermTreat, PermClinicalRead, PermClinicalWrite,
		PermEncounterWrite, PermNoteWrite, PermVitalsWrite, PermAllergyRead,
		PermPrescribe, PermPrescriptionRead, PermKnowledge,
		PermPharmacyRead, PermPharmacyManage, PermStockWrite, PermDispense, PermPharmacyReverse,
		PermLabRead, PermLabManage, PermLabOrder, PermLabCollect, PermLabEnter, PermLabVerify, PermLabRelease,
		PermLabReview, PermLabAcknowledge,
		PermBillingRead, PermServiceRead, PermBillingManage, PermCharge, PermBillWrite, PermPayment,
		PermRefundRequest, PermRefundApprove,
		PermFacilityRead, PermFacilityManage, PermAdmit, PermHousekeeping,
		PermInboxRead, PermNotify, PermTaskRead, PermTaskReadAll, PermTaskWrite, PermTaskManage, PermMessageRead,
		PermMessageWrite,
		PermEncryptionManage, PermErase, PermOutboxRelay, PermOutboxManage,
	}
}

// Authorizer decides whether an actor holds a permission in his tenant. Package identity
// brings the default, which reads the actor's roles; a host may bring its own.
// A refusal is an error of kind [ErrPermissionDenied].
type Authorizer interface {
	Authorize(ctx context.Context, actor Actor, permission Permission) error
}
