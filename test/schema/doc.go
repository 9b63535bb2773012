// Package schema holds the suites that keep a rule for all of something: for every table, key and text of
// the migrated schema, for every declaration of a use case, for every public struct and method of the
// services. Those of events and permissions write the generated pages of docs. It has tests only.
package schema
