// Package fingerprint reads what a database's catalogue says of the schema and of our roles, and holds it
// against what the migrations make.
//
// It owns the queries, the golden texts and the comparison. What a difference means is its callers' to say.
//
// # Reading
//
// [Read] asks the catalogue by one statement of plain SELECTs, which see one state of it, and puts the answer in
// order itself: no function of the schema, which may be another than ours, has a part in it, and no setting,
// collation or name of a login. pg_catalog is trusted. Each thing is an [Item].
//
// The trail's monthly partitions come and go, so their items stand once, under the name of a template; one that is
// not like it stands under its own name.
//
// # Golden texts
//
// golden/<major version of PostgreSQL>.txt holds what a fresh database has, of the ordinary mode and of hardened
// mode. Written by: go test ./internal/fingerprint -run TestGolden -update
package fingerprint
