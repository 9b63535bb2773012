package dbx

import "github.com/jackc/pgx/v5"

// SendLiterals has values written into their texts, as where nothing is parametrised, or again not.
func SendLiterals(literals bool) {
	oftenMode = pgx.QueryExecModeCacheStatement
	if literals {
		oftenMode = pgx.QueryExecModeSimpleProtocol
	}
}

// KeepSession has transactions begin in what the session was told before, or again not.
func KeepSession(keep bool) {
	fresh = cleared
	if keep {
		fresh = cleared[:1]
	}
}

var cleared = fresh

// CommitError is commitError for its tests.
var CommitError = commitError

// AtBegin marks an error as one of the first statements of a transaction.
func AtBegin(err error) error { return &beginError{err} }

// Codes lists what the table of SQLSTATEs names, with the mark of the stage.
func Codes() []string {
	var all []string
	for _, m := range meanings {
		all = append(all, m.code+map[stage]string{anywhere: "", atConnect: " at connect", atBegin: " at begin"}[m.stage])
	}
	return all
}
