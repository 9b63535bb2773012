package dbx

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
)

// message is a statement of ours about the transaction itself, with its parameters, all texts.
type message struct {
	text string
	args []string
}

var errNotPgx = errors.New("dbx: the driver is not pgx")

// send sends messages in turn: in one round trip where the connection can be reached, one by one
// in a transaction that only database/sql holds.
func (h Handle) send(ctx context.Context, conn bun.IConn, messages ...message) error {
	if pooled, ok := bare(conn).(*sql.Conn); ok && len(messages) > 1 && h.pgx {
		sent := ctx
		if c, ok := conn.(countedConn); ok {
			sent = c.count(ctx)
		}
		if err := pipeline(sent, pooled, messages); !errors.Is(err, errNotPgx) {
			return err
		}
	}
	for _, m := range messages {
		if _, err := conn.ExecContext(ctx, m.text, h.textArgs(m.args)...); err != nil {
			return err
		}
	}
	return nil
}

// textArgs gives the parameters of a message; none asks for the simple protocol. They go with their text and never
// by the name of a prepared statement, for SQL that somebody slipped in may have put another statement behind a
// name, which would then be shown what a host signed.
func (h Handle) textArgs(texts []string) []any {
	if len(texts) == 0 {
		return nil
	}
	args := make([]any, len(texts))
	for i, text := range texts {
		args[i] = text
	}
	return Arguments(h.bun, args...)
}

func pipeline(ctx context.Context, conn *sql.Conn, messages []message) error {
	return conn.Raw(func(driverConn any) error {
		pgxConn, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx
		}
		batch := &pgconn.Batch{}
		for _, m := range messages {
			args := make([][]byte, len(m.args))
			for i, text := range m.args {
				args[i] = []byte(text)
			}
			batch.ExecParams(m.text, args, nil, nil, nil)
		}
		return pgxConn.Conn().PgConn().ExecBatch(ctx, batch).Close()
	})
}

// apply is send, with an error that tells what failed.
func (h Handle) apply(ctx context.Context, conn bun.IConn, messages []message) error {
	if err := h.send(ctx, conn, messages...); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	return nil
}
