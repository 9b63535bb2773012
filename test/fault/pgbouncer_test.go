package fault_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstest/isolation"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// bouncerBinary is where the packages of Debian and of others put it.
func bouncerBinary(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"pgbouncer", "/usr/sbin/pgbouncer", "/opt/homebrew/bin/pgbouncer",
		"/usr/local/bin/pgbouncer"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("HMS_TEST_PGBOUNCER") == "required" {
		t.Fatal("PgBouncer is not installed, and HMS_TEST_PGBOUNCER=required asks for it")
	}
	t.Skip("PgBouncer is not installed: apt-get install pgbouncer, brew install pgbouncer")
	return ""
}

// keepsPrepared tells whether this PgBouncer can follow prepared statements (from 1.21 on).
func keepsPrepared(t *testing.T, binary string) bool {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, "--version").Output()
	require.NoError(t, err)
	m := regexp.MustCompile(`PgBouncer (\d+)\.(\d+)`).FindSubmatch(out)
	require.NotNil(t, m, "%s", out)
	minor, err := strconv.Atoi(string(m[2]))
	require.NoError(t, err)
	return string(m[1]) != "1" || minor >= 21
}

const bouncerConfig = `[databases]
hms = host=%s port=%d dbname=%s user=%s%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 2
max_client_conn = 200
%s
`

// startBouncer starts a PgBouncer before the database and gives its DSN. It ends with the
// test, and with the test's process: its shell waits on a pipe that closes then.
func startBouncer(t *testing.T, binary, dsn, settings string) string {
	t.Helper()
	server, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	port := freePort(t)
	folder := t.TempDir()
	config := filepath.Join(folder, "pgbouncer.ini")
	password := ""
	if server.Password != "" {
		password = " password='" + strings.ReplaceAll(server.Password, "'", "''") + "'"
	}
	body := fmt.Sprintf(bouncerConfig, server.Host, server.Port, server.Database, server.User, password, port, settings)
	require.NoError(t, os.WriteFile(config, []byte(body), 0o600))
	args := []string{"-c", `"$@" & read -r gone; kill -9 $!; wait`, "sh", binary}
	if os.Geteuid() == 0 { // PgBouncer refuses root, and becomes another once it has read its file
		require.NoError(t, os.Chmod(filepath.Dir(folder), 0o711))
		require.NoError(t, os.Chmod(config, 0o644))
		args = append(args, "--user=postgres")
	}
	cmd := exec.Command("/bin/sh", append(args, config)...)
	log := &logged{}
	cmd.Stdout, cmd.Stderr = log, log
	pipe, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, pipe.Close())
		require.NoError(t, cmd.Wait())
	})
	pooled := fmt.Sprintf("postgres://hms@127.0.0.1:%d/hms?sslmode=disable", port)
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), pooled)
		return err == nil && conn.Close(t.Context()) == nil
	}, 10*time.Second, 20*time.Millisecond, "PgBouncer does not answer: %s", log)
	return pooled
}

// logged is what PgBouncer says.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var _ io.Writer = (*logged)(nil)

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // binds a loopback port and lets it go
	require.NoError(t, err)
	port := listener.Addr().(*net.TCPAddr).Port //nolint:forcetypeassert // a TCP listener's
	require.NoError(t, listener.Close())
	return port
}

// pooled gives another tenant whose library has a pool of its own, on this DSN.
func pooled(t *testing.T, env *hmstest.Env, dsn string, config hms.Config) *hmstest.Env {
	t.Helper()
	db, err := hms.OpenDB(dsn)
	require.NoError(t, err)
	db.SetMaxOpenConns(clerks)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	config.Now = env.Now
	h, err := hms.New(db, config)
	require.NoError(t, err)
	through := *env
	through.H, through.DB, through.DSN = h, db, dsn
	return through.Neighbour(t)
}

// The clerks share the two connections of the pooler, each for his hospital.
const (
	clerks    = 64
	hospitals = 4
	rounds    = 4
)

// counter is a hospital with one patient and one item.
type counter struct {
	*hmstest.Env
	who   patient.Patient
	stock hmstest.Stock
	sold  func(hmstype.Quantity)
	total *hmstype.Quantity
}

func openCounter(t *testing.T, env *hmstest.Env, name string) *counter {
	t.Helper()
	who, err := env.H.Patient.Register(env.Ctx,
		patient.RegisterInput{Details: patient.Details{LastName: name, Gender: patient.GenderUnknown}})
	require.NoError(t, err)
	var mu sync.Mutex
	total := new(hmstype.Quantity)
	return &counter{Env: env, who: who, stock: env.Stock(t, 1_000_000, ""), total: total, sold: func(q hmstype.Quantity) {
		mu.Lock()
		defer mu.Unlock()
		*total += q
	}}
}

func (c *counter) sale(quantity hmstype.Quantity, key string) pharmacy.DispenseInput {
	return pharmacy.DispenseInput{Patient: c.who.ID, Item: c.stock.Item.ID, Location: c.stock.Location,
		Quantity: quantity, IdempotencyKey: key}
}

var errChangedMind = errors.New("changed his mind")

// work is one round of a clerk: he sells, in several ways, and reads.
func (c *counter) work(ctx context.Context, other *counter, key string) error {
	if _, err := c.H.Pharmacy.Dispense(ctx, c.sale(1, key)); err != nil {
		return err
	}
	c.sold(1)
	if _, err := c.H.Pharmacy.Dispense(ctx, c.sale(1, key)); err != nil { // the same key: nothing more is sold
		return err
	}
	err := c.H.InTx(ctx, func(ctx context.Context, tx *hms.HMS) error {
		if _, err := tx.Pharmacy.Dispense(ctx, c.sale(2, "")); err != nil {
			return err
		}
		return errChangedMind
	})
	if !errors.Is(err, errChangedMind) {
		return err
	}
	if err := c.sellInHostsTransaction(ctx, 3); err != nil {
		return err
	}
	return c.look(ctx, other)
}

// giveUp reads with a context that ends while the statement is under way, or before: the
// connection is cut in the middle of a transaction.
func (c *counter) giveUp() error {
	ctx, cancel := context.WithTimeout(c.Ctx, time.Millisecond)
	defer cancel()
	_, err := c.H.Patient.Get(ctx, c.who.ID)
	var timeout net.Error // a dial's deadline is this context's, and may be over before the context is
	if err == nil || ctx.Err() != nil || errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return err
}

// sellInHostsTransaction sells in a transaction that the host began.
func (c *counter) sellInHostsTransaction(ctx context.Context, quantity hmstype.Quantity) error {
	tx, err := c.DB.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := c.H.WithTx(tx).Pharmacy.Dispense(ctx, c.sale(quantity, "")); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	c.sold(quantity)
	return nil
}

// look reads its own, and tries to read the other's.
func (c *counter) look(ctx context.Context, other *counter) error {
	p, err := c.H.Patient.Get(ctx, c.who.ID)
	if err != nil || p.LastName != c.who.LastName {
		return fmt.Errorf("his own patient: %w", err)
	}
	if _, err := c.H.Patient.Get(ctx, other.who.ID); !errors.Is(err, hms.ErrNotFound) {
		return fmt.Errorf("another hospital's patient: %w", err)
	}
	shelf, err := c.H.Pharmacy.ListShelf(ctx, pharmacy.ListShelfInput{})
	if err != nil || len(shelf) != 1 || shelf[0].Item != c.stock.Item.ID {
		return fmt.Errorf("his own shelf, of %d items: %w", len(shelf), err)
	}
	found, err := c.H.Patient.Search(ctx, patient.SearchInput{Name: c.who.LastName})
	if err != nil || len(found.Items) != 1 || found.Items[0].ID != c.who.ID {
		return fmt.Errorf("his own patients, of whom %d: %w", len(found.Items), err)
	}
	return nil
}

// backends notes which of the server's processes served whom.
type backends struct {
	mu     sync.Mutex
	served map[int]map[hms.TenantID]bool
}

// look checks that nobody's setting or role is left on the connection that it gets.
func (b *backends) look(c *counter) error {
	var pid int
	var left string
	err := c.DB.QueryRowContext(c.Ctx, `SELECT pg_backend_pid(), `+held).Scan(&pid, &left)
	if err == nil && left != "" {
		err = errors.New("left behind: " + left)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.served[pid] == nil {
		b.served[pid] = map[hms.TenantID]bool{}
	}
	b.served[pid][c.Tenant] = true
	return err
}

// shared counts the processes that served every hospital.
func (b *backends) shared() int {
	n := 0
	for _, tenants := range b.served {
		if len(tenants) == hospitals {
			n++
		}
	}
	return n
}

// rush lets all clerks work at once and gives what went wrong.
func rush(t *testing.T, counters []*counter, rounds int) (failures []error, seen *backends) {
	t.Helper()
	seen = &backends{served: map[int]map[hms.TenantID]bool{}}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for clerk := range clerks {
		wg.Go(func() {
			c, other := counters[clerk%hospitals], counters[(clerk+1)%hospitals]
			for round := range rounds {
				err := c.work(c.Ctx, other, fmt.Sprintf("%d/%d", clerk, round))
				if round == 0 && clerk < 2*hospitals { // a cut costs the pooler a connection, so a few must do
					err = errors.Join(err, c.giveUp())
				}
				err = errors.Join(err, seen.look(c))
				if err != nil {
					mu.Lock()
					failures = append(failures, err)
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	return failures, seen
}

func openCounters(t *testing.T, first *hmstest.Env) []*counter {
	t.Helper()
	counters := make([]*counter, hospitals)
	for i := range counters {
		counters[i] = openCounter(t, first.Neighbour(t), fmt.Sprintf("Patient of hospital %c", 'A'+i))
	}
	return counters
}

// Behind a PgBouncer in transaction mode, where every transaction may get another of the two
// connections and finds it as the one before left it, each hospital sees its own and the
// sums are right.
func TestPgBouncer_ConcurrentHospitals(t *testing.T) {
	t.Parallel()
	binary := bouncerBinary(t)
	modes := map[string]struct {
		settings string
		config   hms.Config
	}{
		"Uncached": {"", hms.Config{UncachedStatements: true}},
	}
	if keepsPrepared(t, binary) {
		modes["Prepared"] = struct {
			settings string
			config   hms.Config
		}{"max_prepared_statements = 200", hms.Config{}}
	}
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := hmstest.New(t)
			through := pooled(t, env, startBouncer(t, binary, env.DSN, mode.settings), mode.config)
			counters := openCounters(t, through)
			failures, seen := rush(t, counters, rounds)
			require.Empty(t, failures)
			require.Positive(t, seen.shared(), "one connection served them all: %v", seen.served)
			for _, c := range counters {
				require.Equal(t, hmstype.Quantity(clerks/hospitals*rounds*4), *c.total)
				requireBooksBalance(t, c)
			}
			found := isolation.Require(t, counters[0].Env, counters[1].Env)
			require.Greater(t, found.Checks, 5000)
		})
	}
}

// requireBooksBalance holds what is on the shelf, in the reports and on the trail against
// what was sold.
func requireBooksBalance(t *testing.T, c *counter) {
	t.Helper()
	stock, err := c.H.Pharmacy.Verify(c.Ctx)
	require.NoError(t, err)
	require.Len(t, stock.Items, 1)
	require.True(t, stock.Clean(), stock)
	require.Equal(t, *c.total, stock.Items[0].Dispensed)
	require.Equal(t, 1_000_000-*c.total, stock.Items[0].OnHand)
	trail, err := c.H.AuditLog.Verify(c.Ctx)
	require.NoError(t, err)
	require.True(t, trail.Clean(), "%+v", trail)
}

// The settings above are what it takes: statements that are cached on a connection of the
// server's are not there on the next one, unless the pooler follows them.
func TestPgBouncer_ConcurrentCachedStatementsNeedSupport(t *testing.T) {
	t.Parallel()
	binary := bouncerBinary(t)
	settings := ""
	if keepsPrepared(t, binary) {
		settings = "max_prepared_statements = 0"
	}
	env := hmstest.New(t)
	dsn := startBouncer(t, binary, env.DSN, settings)
	through := pooled(t, env, dsn, hms.Config{UncachedStatements: true})
	counters := openCounters(t, through)
	cached, err := hms.New(through.DB, hms.Config{Now: env.Now})
	require.NoError(t, err)
	for _, c := range counters {
		c.H = cached
	}
	failures, _ := rush(t, counters, 1)
	if dbtest.Hardened() {
		require.Empty(t, failures, "in hardened mode nothing goes by name")
		return
	}
	require.NotEmpty(t, failures, "a pooler that does not follow prepared statements loses them")
	for _, failure := range failures {
		require.Regexp(t, `42P05|26000`, failure.Error(), "duplicate or unknown prepared statement, and nothing else")
	}
}
