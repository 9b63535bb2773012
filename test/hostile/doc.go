// Package hostile holds the tests of what SQL in the wrong hands can do: statements that a tenant slips into a
// host's program run as hms_app, in a transaction that names that tenant. Each attack is one that was made and
// succeeded, or shows where the line of docs/security.md runs.
package hostile
