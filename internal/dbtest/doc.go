// Package dbtest gives the library's own tests a real PostgreSQL: a server found or
// started by hmstest/pgserver, a template database per hash of the migrations, a clone of
// it per test binary, and a tenant of its own for every test, so that all tests run in
// parallel and each is a test of tenant isolation as well.
//
// Package hmstest builds the public environment of hosts on it. Nothing outside tests
// imports this package.
package dbtest
