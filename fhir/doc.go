// Package fhir reads FHIR R4 (4.0.1) resources and maps them to the inputs of the domains.
//
// It owns the reading of files, their limits and their errors, and the mapping. It does
// not own the rules of registration: it gives a patient.RegisterInput that has passed its
// own validation, and whoever imports calls patient.Service.Register with it and decides
// about duplicates. It needs no database, and writes nothing.
//
// # What is read
//
// [ReadPatients] reads a stream that holds a Bundle of any type, newline-delimited JSON
// (FHIR Bulk Data), or one Patient. Of a Bundle one entry at a time is in memory,
// never the whole. Resources of other types are passed over and counted. A record that
// cannot be used is reported as a [RecordError] that says where it stands, and the rest goes on.
// A byte-order mark is passed over; text that is not UTF-8 is refused.
//
// # Privacy
//
// No error holds a value of a resource. The name of the file is a field of [RecordError] and
// not part of its text, because files are often named after the patient in them.
package fhir
