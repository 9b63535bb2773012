// Package isolation plays a hostile tenant: it attacks everything that the catalogue of the schema
// hms lists, as the library's roles, and reports what of another tenant's came through. A host runs
// it in its own tests, after its own migrations:
//
//	func TestTenants_AreApart(t *testing.T) {
//		t.Parallel()
//		env := hmstest.New(t)
//		victim, hostile := env.Neighbour(t), env.Neighbour(t)
//		...rows of both, also in your own tables...
//		isolation.Require(t, victim, hostile)
//	}
//
// It owns the attacks on the database and the rules of the catalogue. It does not own environments
// (package hmstest), nor the attacks through the services, which are the library's own tests
// (test/isolation).
package isolation
