package leak_test

import "strings"

// staysClear are the columns in which text that somebody entered may lie as it was entered, and
// why. Whatever is not listed must be sealed, hashed or absent; so must all columns that
// fieldcrypt.Declare names. The trail tells the same columns' history.
var staysClear = map[string]string{
	"people are searched by it and told apart by it": `
		patient.first_name patient.last_name patient.other_names patient.mrn patient.mrn_key patient_token.token`,
	"who gave the number, not the number": `patient_identifier.system patient_identifier.system_key`,
	"who pays: bills and claims go by it; the policy's own number is sealed": `
		coverage.payer_name coverage.plan_name coverage.group_number`,

	// medication_dispense.override_reason is like prescription.override_reason; nothing is overridden at the day's
	// hand-overs.
	// allergy.substance_key is there, too: so folded (names.SubstanceKey) that the texts are not found in it
	"coded, or as good as: allergies are compared with medication, lists and reports are made of it": `
		allergy.substance_display allergy.substance_system allergy.substance_value
		condition.code_display condition.code_system condition.code_value encounter.disposition
		prescription.medication_code prescription.medication_name prescription.medication_system prescription.dosage
		prescription.codes prescription.duration prescription.form prescription.frequency prescription.generic_name
		prescription.strength prescription.unit`,
	"ids, codes and what the knowledge says, by which findings are read again": `
		medication_dispense.verdict prescription.verdict`,
	"what is booked, and where": `appointment.appointment_type appointment.room`,
	"results: versions are compared and superseded, trends and turnaround are made of them": `
		lab_result.comment lab_result.reason lab_result.value_code lab_result.value_number lab_result.value_text
		lab_specimen.reject_code`,
	"why a record was stopped, withdrawn or overridden: whoever reviews errors reads it, and it is to name no more " +
		"than the error": `
		allergy.status_reason appointment.cancel_reason charge.status_reason clinical_note.error_reason
		condition.error_reason duty.cancel_reason lab_order.status_reason lab_order_item.status_reason
		lab_specimen.reject_reason
		outbox_decision.reason patient.death_revoked_reason patient.override_reason patient.status_reason
		prescription.override_reason prescription.stop_reason stock_movement.reason vitals.error_reason`,
	"money: accountants and auditors read it": `
		bill.cancel_reason bill.discount_reason bill_line.category bill_line.description bill_line.service_code
		charge.category charge.description charge.service_code credit_note.reason payment.cancel_reason
		payment.reference_number payment.reference_number_key refund.reason refund.reference_number
		refund.reference_number_key refund_request.decision_reason refund_request.reason refund_request.reference_number`,

	"who was told, and for what: repeated disclosures are added up by it, and the patient is told; what was told is " +
		"sealed": `
		disclosure.authorized_by disclosure.error_reason disclosure.purpose disclosure.recipient_name
		disclosure.suspension_agency disclosure.suspension_statement`,

	"rules, and why something is kept or erased: it is to name the case, not its story": `
		erasure.basis erasure.reason legal_hold.reason legal_hold.release_reason retention_policy.basis
		skipped_number.reason audit_record.note`,

	"the staff's accounts: they are found and listed by it": `
		access_change.decision_text access_change.description access_change.reason
		api_key.name external_identity.issuer external_identity.subject role.description role.name role.name_key
		user_account.directory_key user_account.email user_account.email_key user_account.speciality
		user_account.first_name user_account.last_name user_account.phone_number user_account.profile_image
		user_account.username user_account.username_key user_device.user_agent user_session.source
		user_session.user_agent webauthn_credential.name webauthn_credential.transports`,
	"the hospital's own catalogue and house, nobody's data": `
		drug_base.edition drug_base.name drug_relation.concept drug_relation.note drug_relation.other drug_term.concept
		drug_term.system drug_term.term
		bed.bed_number bed.bed_number_key bed.bed_type duty.service duty.service_key encounter.service_code
		lab_analyte.code lab_analyte.code_key
		lab_analyte.name lab_answer.code lab_answer.display lab_reference_range.void_reason lab_specimen.specimen_type
		lab_test.category lab_test.code lab_test.code_key lab_test.name lab_test.service_code lab_test.specimen_type
		medication_category.description medication_category.name medication_category.name_key
		medication_item.atc_code medication_item.form medication_item.generic_name medication_item.manufacturer
		medication_item.manufacturer_key medication_item.name
		medication_item.name_key medication_item.rxnorm_code medication_item.service_code medication_item.strength
		medication_item.strength_key medication_item.unit service_item.category service_item.code service_item.code_key
		service_item.name stock_batch.batch_number stock_batch.batch_number_key stock_batch.status_reason
		stock_location.name stock_location.name_key supplier.address supplier.contact_person supplier.email
		supplier.name supplier.name_key supplier.phone_number tenant.name ward.description ward.name ward.name_key
		ward.service_code ward.ward_type`,
	"the key of a row of the catalogue": `audit_event.entity_id`,
	"the host's own name for one act":   `idempotency_key.key`,
}

// clearColumns gives the reason by column.
func clearColumns() map[string]string {
	columns := map[string]string{}
	for reason, list := range staysClear {
		for column := range strings.FieldsSeq(list) {
			columns[column] = reason
		}
	}
	return columns
}
