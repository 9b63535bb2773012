// Package lab is the laboratory: the catalogue of tests with their reference ranges, orders,
// specimens, results and the cases of critical values.
//
// It owns the rules by which a value is flagged, and the versions of each result. It does not own
// the patient (package patient), the encounter (the port [EncounterSource]) or the price of a test
// (package billing, through charge.Poster).
//
// # From order to report
//
// [Service.AddOrder], [Service.CollectSpecimen], [Service.ReceiveSpecimen] (may be left out at
// the bedside), [Service.EnterResult], [Service.VerifyResult], [Service.ReleaseResult],
// [Service.ReviewResult]; after that [Service.CorrectResult], [Service.EnterItemInError].
// An item is charged when its specimen is collected, for work begins there: an order that nobody
// draws costs nothing, a specimen drawn anew is not charged again, and a cancelled item's charge is taken back.
//
// # States
//
// An order is a FHIR R4 request: [OrderTransitions]. It completes by itself when its last item
// is final or cancelled, and is revoked where all were cancelled.
//
// An item, [ItemTransitions], is one ServiceRequest and one DiagnosticReport:
//
//	item              ServiceRequest.status  DiagnosticReport.status
//	ordered           active                 registered
//	collected         active                 registered
//	in-progress       active                 registered
//	preliminary       active                 preliminary, or partial while an analyte lacks its value
//	verified          active                 preliminary
//	final             completed              final
//	corrected         completed              corrected
//	amended           completed              amended
//	cancelled         revoked                cancelled
//	entered-in-error  entered-in-error       entered-in-error
//
// A ServiceRequest of a draft order or one on hold has the order's state instead. A specimen is
// [SpecimenTransitions]; a rejected one sends its items back to ordered, or cancels them, and withdraws what was
// released from it: entered in error where it is another patient's, cancelled where it is unfit. What counts rests on a
// usable specimen, by a trigger; [Service.VerifyOrders] checks it. A result
// is a chain of versions, [ResultTransitions]: none is ever changed or removed, by a trigger that
// holds for raw SQL as well.
//
// # Flags
//
// Flags are those of HL7 v2 table 0078 and are computed here from the range that fits the patient's
// sex and age in days on the day of collection; no input can set one. A range for the patient's sex
// wins over one for any, two ranges of one sex cannot overlap, and the range is copied into the result.
// Each limit is optional and independent of the others. No range, or a censored value
// ("<5") that may lie on either side of a limit, gives no flag, which never means normal.
//
// # Critical values
//
// A value beyond a critical limit opens a case with its first version, also a preliminary one;
// so does a censored value that may lie beyond it. Verifying an unchanged value opens none. A
// version that says otherwise marks the case as superseded and emits "lab.critical_corrected": who
// was told must hear of that too. A case ends only by a person, with a comment, after the value was
// read back. [Service.EscalateCritical] is for the host's scheduler.
//
// # Restricted patients
//
// What shows one patient's orders or results refuses a restricted record to an actor without the
// permission patient.restricted. Work does not wait, nor does a critical value go unheard: commands
// succeed, and what they, the worklist and the list of cases give is withheld, but for ids, states
// and what the next use case needs (the order's number and priority, the test, the accession number and
// the type of a specimen, how urgent a case is).
//
// # Who did it
//
// An order names whose it is (RequesterID) and who entered it (CreatedBy). A result names who
// entered its value and who verified it: another person, where these duties are kept apart, whatever
// account or key he uses. The host's own actor (an analyser, say) is named as such everywhere.
//
// # Errors and transactions
//
// Every write is one transaction, or a savepoint in the host's. Use cases on one order take turns on
// its row. Items, specimens and orders carry a version: an old one is [hmstype.ErrStale], so of two
// technicians who enter one item's result at once, one is refused. The errors of the package wrap a kind
// of hmstype; see the variables below.
//
// # Events
//
// What docs/events.md lists of the domain goes to the outbox with ids and codes, never with a value.
package lab
