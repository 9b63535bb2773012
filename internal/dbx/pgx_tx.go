package dbx

import (
	"github.com/jackc/pgx/v5"

	"github.com/chelal/hms/internal/pgxtx"
)

// BindPgx is [Handle.Bind] for a transaction of pgx's own, also one in a savepoint of the host's.
// It does no I/O. Once tx has ended, [Handle.InTx] gives [pgx.ErrTxClosed].
func (h Handle) BindPgx(tx pgx.Tx) Handle { return h.Bind(pgxtx.Open(tx)) }
