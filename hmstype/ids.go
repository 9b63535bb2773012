package hmstype

// The markers keep the kinds of id apart; they have no other use.
type (
	tenantEntity           struct{}
	userEntity             struct{}
	roleEntity             struct{}
	patientEntity          struct{}
	coverageEntity         struct{}
	identifierEntity       struct{}
	appointmentEntity      struct{}
	encounterEntity        struct{}
	noteEntity             struct{}
	vitalsEntity           struct{}
	conditionEntity        struct{}
	allergyEntity          struct{}
	prescriptionEntity     struct{}
	medicationCatEntity    struct{}
	medicationItemEntity   struct{}
	supplierEntity         struct{}
	locationEntity         struct{}
	batchEntity            struct{}
	dispenseEntity         struct{}
	labTestEntity          struct{}
	labAnalyteEntity       struct{}
	referenceRangeEntity   struct{}
	labOrderEntity         struct{}
	labOrderItemEntity     struct{}
	specimenEntity         struct{}
	labResultEntity        struct{}
	criticalEntity         struct{}
	serviceEntity          struct{}
	chargeEntity           struct{}
	billEntity             struct{}
	billLineEntity         struct{}
	paymentEntity          struct{}
	accountEntity          struct{}
	journalEntity          struct{}
	wardEntity             struct{}
	bedEntity              struct{}
	stayEntity             struct{}
	auditEventEntity       struct{}
	disclosureEntity       struct{}
	breakGlassEntity       struct{}
	dutyEntity             struct{}
	drugBaseEntity         struct{}
	drugTermEntity         struct{}
	drugRelationEntity     struct{}
	accessChangeEntity     struct{}
	sessionEntity          struct{}
	userDeviceEntity       struct{}
	externalIdentityEntity struct{}
	apiKeyEntity           struct{}
	webauthnEntity         struct{}
	outboxEventEntity      struct{}
	outboxDecisionEntity   struct{}
	notificationEntity     struct{}
	taskEntity             struct{}
	threadEntity           struct{}
	messageEntity          struct{}
	retentionPolicyEntity  struct{}
	legalHoldEntity        struct{}
)

// Ids of identity and of the patient's record.
type (
	// TenantID names a hospital or clinic whose data are closed to every other.
	TenantID = ID[tenantEntity]
	// UserID names a person, or a program, that may act in a tenant.
	UserID = ID[userEntity]
	// RoleID names a set of permissions in a tenant.
	RoleID = ID[roleEntity]
	// SessionID names a session of a user.
	SessionID = ID[sessionEntity]
	// ExternalIdentityID names what a user is to an identity provider.
	ExternalIdentityID = ID[externalIdentityEntity]
	// UserDeviceID names a device from which a user has logged in.
	UserDeviceID = ID[userDeviceEntity]
	// APIKeyID names a key by which a program proves who it is.
	APIKeyID = ID[apiKeyEntity]
	// WebAuthnCredentialID names a passkey or security key of a user.
	WebAuthnCredentialID = ID[webauthnEntity]
	// BreakGlassID names a grant of access in an emergency.
	BreakGlassID = ID[breakGlassEntity]
	// DrugBaseID names a base of what is known of medicines.
	DrugBaseID = ID[drugBaseEntity]
	// DrugTermID names one name or code that such a base knows something by.
	DrugTermID = ID[drugTermEntity]
	// DrugRelationID names one thing that such a base says.
	DrugRelationID = ID[drugRelationEntity]
	// DutyID names the time for which somebody is assigned to a ward or a service.
	DutyID = ID[dutyEntity]
	// AccessChangeID names a request to change who may do what, which another person approves.
	AccessChangeID = ID[accessChangeEntity]
	// PatientID names a patient (FHIR Patient).
	PatientID = ID[patientEntity]
	// PatientIdentifierID names a further identifier of a patient (FHIR Identifier).
	PatientIdentifierID = ID[identifierEntity]
	// CoverageID names a patient's insurance (FHIR Coverage).
	CoverageID = ID[coverageEntity]
)

// Ids of clinical work.
type (
	// AppointmentID names a booked visit (FHIR Appointment).
	AppointmentID = ID[appointmentEntity]
	// EncounterID names a visit or stay (FHIR Encounter).
	EncounterID = ID[encounterEntity]
	// NoteID names a clinical note (FHIR Composition).
	NoteID = ID[noteEntity]
	// VitalsID names one set of vital signs (a panel of FHIR Observations).
	VitalsID = ID[vitalsEntity]
	// ConditionID names a problem or diagnosis (FHIR Condition).
	ConditionID = ID[conditionEntity]
	// AllergyID names an allergy or intolerance (FHIR AllergyIntolerance).
	AllergyID = ID[allergyEntity]
	// PrescriptionID names one prescribed medication (FHIR MedicationRequest).
	PrescriptionID = ID[prescriptionEntity]
)

// Ids of the pharmacy.
type (
	// MedicationCategoryID names a category of the formulary.
	MedicationCategoryID = ID[medicationCatEntity]
	// MedicationItemID names an item of the formulary (FHIR Medication).
	MedicationItemID = ID[medicationItemEntity]
	// SupplierID names a supplier (FHIR Organization).
	SupplierID = ID[supplierEntity]
	// LocationID names a place where stock lies (FHIR Location).
	LocationID = ID[locationEntity]
	// BatchID names a batch (lot) of one item.
	BatchID = ID[batchEntity]
	// DispenseID names a hand-over of medication (FHIR MedicationDispense).
	DispenseID = ID[dispenseEntity]
)

// Ids of the laboratory.
type (
	// LabTestID names a test of the catalogue (FHIR ObservationDefinition).
	LabTestID = ID[labTestEntity]
	// LabAnalyteID names one parameter of a test, which gets one value.
	LabAnalyteID = ID[labAnalyteEntity]
	// ReferenceRangeID names a reference range of an analyte.
	ReferenceRangeID = ID[referenceRangeEntity]
	// LabOrderID names a laboratory order (FHIR ServiceRequest requisition).
	LabOrderID = ID[labOrderEntity]
	// LabOrderItemID names one test of an order (FHIR ServiceRequest).
	LabOrderItemID = ID[labOrderItemEntity]
	// SpecimenID names a specimen (FHIR Specimen).
	SpecimenID = ID[specimenEntity]
	// LabResultID names one version of one result value (FHIR Observation).
	LabResultID = ID[labResultEntity]
	// CriticalAlertID names the case of a critical result.
	CriticalAlertID = ID[criticalEntity]
)

// Ids of billing.
type (
	// ServiceID names an item of the service catalogue (FHIR ChargeItemDefinition).
	ServiceID = ID[serviceEntity]
	// ChargeID names a captured charge (FHIR ChargeItem).
	ChargeID = ID[chargeEntity]
	// BillID names a bill (FHIR Invoice).
	BillID = ID[billEntity]
	// BillLineID names a line of a bill.
	BillLineID = ID[billLineEntity]
	// PaymentID names a payment (FHIR PaymentReconciliation).
	PaymentID = ID[paymentEntity]
	// AccountID names an account of the ledger (FHIR Account).
	AccountID = ID[accountEntity]
	// JournalID names one balanced journal of the ledger.
	JournalID = ID[journalEntity]
)

// Ids of the facility and of the shared mechanisms.
type (
	// WardID names a ward (FHIR Location, physical type wa).
	WardID = ID[wardEntity]
	// BedID names a bed (FHIR Location, physical type bd).
	BedID = ID[bedEntity]
	// StayID names the interval that a patient spends in one bed (FHIR Encounter.location).
	StayID = ID[stayEntity]
	// AuditEventID names an event of the audit trail (FHIR AuditEvent).
	AuditEventID = ID[auditEventEntity]
	// RetentionPolicyID names a rule of how long events of the trail are kept.
	RetentionPolicyID = ID[retentionPolicyEntity]
	// LegalHoldID names an order that forbids to erase.
	LegalHoldID = ID[legalHoldEntity]
	// OutboxEventID names an event that waits for delivery to the host's bus.
	OutboxEventID = ID[outboxEventEntity]
	// OutboxDecisionID names what somebody decided of an event that could not be delivered.
	OutboxDecisionID = ID[outboxDecisionEntity]
	// DisclosureID names a disclosure of a patient's data outside the hospital.
	DisclosureID = ID[disclosureEntity]
)

// Ids of what waits for a person.
type (
	// NotificationID names a notification to a user or a role (FHIR Communication).
	NotificationID = ID[notificationEntity]
	// TaskID names a task (FHIR Task).
	TaskID = ID[taskEntity]
	// ThreadID names a thread of messages.
	ThreadID = ID[threadEntity]
	// MessageID names one message of a thread (FHIR Communication).
	MessageID = ID[messageEntity]
)
