// Package interop holds the files of package migrate against the tools that they are made for: goose,
// golang-migrate, psql. It is a module of its own, so that no host pays for these tools. It owns
// tests and examples only.
package interop
