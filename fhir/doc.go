// Package fhir reads and writes FHIR R4. So far it reads Patient resources, from a bundle,
// from NDJSON (Bulk Data) or alone.
//
// It owns the mapping between FHIR and the domains, and the reader, which takes one
// resource at a time however large the file is. It does not own what is done with a
// record: it gives inputs, and the caller registers them. Nobody imports it but programs.
package fhir
