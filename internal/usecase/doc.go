// Package usecase is the one way from a public method into its rule: [Write] and [Read]
// ask for the permission, validate the input, open the transaction (or the savepoint in
// the host's), honour the idempotency key, run the private function, map the database's
// errors and log one line. Every public method of every domain goes through them, so
// none can forget a step.
//
// It owns no rule and no table.
package usecase
