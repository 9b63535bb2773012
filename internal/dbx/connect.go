package dbx

import (
	"context"
	"crypto/tls"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/chelal/hms/hmstype"
)

// mapContext gives the error of a caller who waited no longer. pgx's error for a connection that
// was being made names its user and database; this one does not.
func mapContext(err error) error {
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		return err
	}
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("connecting to the database: %w", context.Canceled)
	}
	return fmt.Errorf("%w: %w", &serverError{kind: hmstype.ErrUnavailable, says: noAnswer}, context.DeadlineExceeded)
}

// mapConnection gives the error of a connection that could not be made or broke, nil where err
// is something else.
func mapConnection(err error) error {
	var netErr net.Error
	var begin *beginError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return &serverError{kind: hmstype.ErrUnavailable, says: whyNoConnection(err)}
	}
	if errors.As(err, &netErr) || errors.As(err, &begin) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone) || isClosedConn(err) {
		return &serverError{kind: hmstype.ErrUnavailable, says: "the connection to the database failed"}
	}
	return nil
}

const noAnswer = "the database's host does not answer in time: check host and port of the DSN, and the firewall"

// whyNoConnection tells what stands between us and the server, without naming either.
func whyNoConnection(err error) string {
	var dns *net.DNSError
	var netErr net.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name of the database's host is not known: check host of the DSN"
	case errors.As(err, &dns):
		return "the name of the database's host cannot be looked up now: check host of the DSN, and the name server"
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, fs.ErrNotExist):
		return "nobody listens at the database's host and port: check them in the DSN, and that the server runs"
	case errors.Is(err, fs.ErrPermission):
		return "this program may not use the server's socket: check the socket's folder"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "there is no way to the database's host: check host of the DSN, and the network"
	case errors.As(err, &certificate), errors.As(err, &record), errors.As(err, &alert),
		strings.Contains(err.Error(), "refused TLS"):
		return "no TLS with the server: check sslmode and sslrootcert of the DSN, and the server's certificate"
	case errors.As(err, &netErr) && netErr.Timeout():
		return noAnswer
	default:
		return "the connection to the database failed"
	}
}

// isClosedConn recognises pgx's error for a connection that broke under a statement,
// which has no type of its own.
func isClosedConn(err error) bool {
	text := err.Error()
	return strings.Contains(text, "conn closed") || strings.Contains(text, "unexpected EOF") ||
		strings.Contains(text, "connection reset") || strings.Contains(text, "broken pipe")
}
