// Package isolation holds the suites that keep tenants apart: the hostile tenant of hmstest/isolation
// on the whole schema, and proof that it finds each kind of breach; every method of every service called
// with another tenant's ids; and every statement's condition on the tenant. It has tests only.
package isolation
