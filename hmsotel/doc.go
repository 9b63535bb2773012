// Package hmsotel tells OpenTelemetry of every use case: a span with the use case's name, a
// histogram of durations and one of round trips. A host gives it to hms.Config.Observers:
//
//	observer, err := hmsotel.New(hmsotel.Config{})
//	h, err := hms.New(db, hms.Config{Observers: []hmstype.Observer{observer}})
//
// It never gets a value of an input or anything of a patient, so no span and no metric can hold
// one: operation, outcome, tenant, request id, round trips and duration are all that there is.
//
// Only who imports this package links OpenTelemetry. It owns no rule and no table.
package hmsotel
