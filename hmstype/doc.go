// Package hmstype is the vocabulary that every package of hms shares: typed ids, the
// Actor and its Tenant, error kinds, Money, Quantity, Date, Period, Code, Page and
// state machines.
//
// It owns values and their rules. It does not own storage, transactions or anything
// that needs a database: it imports nothing of hms, so that every package may import it.
// The root package re-exports what a host needs, so most hosts import only hms.
//
// # Conventions
//
// An instant is a time.Time in UTC, truncated to microseconds (PostgreSQL's precision).
// A calendar date (birth, expiry) is a [Date] and never an instant. A zero value means
// "absent" wherever a comment says that a field is optional. Errors carry a kind
// ([KindOf]) and never a patient's data: a [FieldError] names a path and a rule only.
package hmstype
