// Package archtest holds the code to the rules of docs/architecture.md. It has tests, which
// need nothing but the go command, and the rule by which use cases are named, which other tests ask for.
package archtest
