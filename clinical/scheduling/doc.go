// Package scheduling keeps the calendar: who meets whom and when, who came and who did not.
//
// It owns appointments. It does not own what happens at one, which is an encounter of package clinical: that
// fulfils the appointment through the [Port] ([Port.Fulfil]). It knows only patients; whether an encounter came of
// an appointment it asks through its [Ports].
//
// # States
//
// They are FHIR R4's, and the table is exported ([AppointmentTransitions]); the database refuses every other step.
//
//	proposed -> pending -> booked -> arrived -> checked-in -> fulfilled
//	waitlist -> pending, booked; booked -> noshow
//	before fulfilled -> cancelled
//
// Nothing is deleted: an appointment that should never have been ends as entered-in-error, with a reason. The
// original application's names map as scheduled = booked, completed = fulfilled, cancelled = cancelled,
// no_show = noshow.
//
// # What can never be
//
// Two appointments of one practitioner, or of one patient, that overlap (times are half-open: one may begin when
// another ends). The database refuses them, for everybody.
//
// # Errors and transactions
//
// [ErrSlotTaken] comes as a typed error that names what is in the way by id ([SlotTakenError]). Every command is one
// transaction, or a savepoint in the host's.
package scheduling
