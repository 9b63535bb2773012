// Package facility keeps wards and beds, and who lies where: never two patients in a bed,
// never one patient in two.
//
// It owns wards, beds with their cleaning cycle, stays, the census and the charge per bed
// and day. It does not own encounters, which it asks for through [EncounterSource]; clinical
// work asks it whether a patient still lies in a bed ([Port.BeforeFinish]).
//
// # States of a bed (HL7 v2 table 0116)
//
//	U unoccupied -> O occupied -> H housekeeping -> U
//	O -> K contaminated -> H; U <-> C closed; U, O -> I isolated -> U, K
//
// A bed becomes free when the patient has left it and it has been cleaned, not when the
// discharge is ordered.
//
// # Errors
//
// [ErrBedTaken] (a *BedTakenError names the stay in the way), [ErrBedNotReady],
// [ErrPatientInBed] and [ErrStillInBed] are preconditions.
package facility
