// Package archtest holds the code to the rules of docs/architecture.md. It has tests only,
// and needs nothing but the go command.
package archtest
