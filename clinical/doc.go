// Package clinical keeps the calendar and the medical record: appointments, encounters,
// notes, vital signs, problems, allergies and prescriptions.
//
// It does not own medicines (package pharmacy hands them out), beds, results or bills; it
// tells them what they need to know through the methods that take a connection
// ([Service.EncounterPatient], [Service.LockPrescription], ...).
//
// # States
//
// They are FHIR R4's, and the tables are exported: [AppointmentTransitions],
// [EncounterTransitions], [PrescriptionTransitions]. The original application's names map as
// scheduled = booked, completed = fulfilled, cancelled = cancelled, no_show = noshow.
//
// # What can never be
//
// Two appointments of one practitioner, or of one patient, that overlap; two open inpatient
// encounters of a patient; a signed note that changes; an active allergy beside the
// statement that none is known; more dispensed than prescribed. The database refuses each.
package clinical
