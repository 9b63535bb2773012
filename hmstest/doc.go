// Package hmstest gives a host's integration tests a real PostgreSQL with the library on it:
// a server found or started by package pgserver, a database cloned from a migrated template, and for
// every test a tenant of its own, so that all tests run in parallel.
//
//	func TestMain(m *testing.M) { hmstest.Main(m) }
//
//	func TestAdmission(t *testing.T) {
//		t.Parallel()
//		env := hmstest.New(t)
//		p := env.Patient(t)
//		...env.H.Facility.Admit(env.As(t, identity.RoleDoctor), ...)
//	}
//
// [Example] gives the same to an Example function, which has no testing.T.
//
// Package isolation, below, lets a hostile tenant loose on everything that the catalogue lists, and
// reports what came through; run it after your own migrations.
//
// It owns environments, builders and assertions. It does not own servers (package pgserver). It and
// its folders are the only public packages that import testing.
package hmstest
