package pgserver

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// How long a server may take until it answers.
const (
	urlTimeout    = 5 * time.Second  // one that runs already
	bootTimeout   = 60 * time.Second // one that was just started
	sharedTimeout = 15 * time.Second // one that runs, on a machine that is busy with its tests
)

// SQLSTATEs of a server that lives but takes no connection now.
const (
	tooManyConnections = "53300"
	cannotConnectNow   = "57P03" // it starts up or shuts down
)

// ping connects until it succeeds or the time is over, and gives the server's version. A
// refusal that waiting does not mend, such as a wrong password, ends it at once.
func ping(ctx context.Context, dsn string, patience time.Duration) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		version, err := pingOnce(ctx, dsn)
		if err == nil {
			return version, nil
		}
		if state := sqlState(err); state != "" && state != cannotConnectNow && state != tooManyConnections {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("no answer within %v: %w", patience, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func pingOnce(ctx context.Context, dsn string) (version string, err error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	// Debian adds the package's version in brackets.
	version, _, _ = strings.Cut(conn.PgConn().ParameterStatus("server_version"), " ")
	return version, nil
}

func sqlState(err error) string {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pgErr.Code
	}
	return ""
}

// alive tells whether the server of an earlier process still runs. One that has no
// connection left is busy, not dead.
func alive(ctx context.Context, dsn string) bool {
	ctx, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	_, err := pingOnce(ctx, dsn)
	return err == nil || sqlState(err) == tooManyConnections
}
