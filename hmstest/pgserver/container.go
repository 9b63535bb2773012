package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/moby/moby/api/types/container"
	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/log"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

// ryukDisabled is testcontainers' switch for its reaper, a container that ends others.
const ryukDisabled = "TESTCONTAINERS_RYUK_DISABLED"

func startContainer(ctx context.Context, p plan) (*Server, error) {
	quieten()
	if p.DataDir != "" {
		return nil, errors.New("a container cannot keep its data in the DataDir that is asked for")
	}
	patience := pullTimeout
	if p.Kind == KindContainer {
		patience = askedTimeout
	}
	engine, err := findEngine(ctx, engineHosts())
	if err == nil {
		err = errors.Join(imageAtHand(ctx, engine, p.Image, patience), engine.Close())
	} else if p.Kind == KindContainer {
		err = nil // testcontainers knows more places, and is bounded by the caller's patience here
	}
	if err != nil {
		return nil, err
	}
	if p.Kind == KindContainer {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, askedTimeout)
		defer cancel()
	}
	return runContainer(ctx, p)
}

// runContainer never panics: testcontainers does, where it finds no engine.
func runContainer(ctx context.Context, p plan) (_ *Server, err error) {
	// The watchdog does the reaper's work, without its image and without ending a shared
	// container when the first test binary is done. Whoever sets the switch is obeyed.
	if _, set := os.LookupEnv(ryukDisabled); !set {
		if err := os.Setenv(ryukDisabled, "true"); err != nil {
			return nil, err
		}
	}
	name := "hms-postgres-" + strings.ToLower(rand.Text()[:12])
	watch, err := startWatchdog(p, nil, name) // before there is something to be left behind
	if err != nil {
		return nil, err
	}
	var c *postgres.PostgresContainer
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("testcontainers panicked: %v", r)
		}
		if err != nil {
			err = errors.Join(err, terminate(context.WithoutCancel(ctx), c), watch.end())
		}
	}()
	password := rand.Text()
	command := append([]string{"postgres", "-c", "cluster_name=" + name}, p.arguments()...)
	c, err = postgres.Run(ctx, p.Image,
		postgres.WithUsername("postgres"), postgres.WithPassword(password), postgres.WithDatabase("postgres"),
		testcontainers.WithName(name), testcontainers.WithCmd(command...),
		testcontainers.WithConfigModifier(func(config *container.Config) {
			if len(p.files) > 0 { // shared: out of the reaper's reach
				delete(config.Labels, "org.testcontainers.sessionId")
			}
		}))
	if err != nil {
		return nil, err
	}
	addresses, err := containerAddresses(ctx, c)
	if err != nil {
		return nil, err
	}
	dsn, version, err := pingContainer(ctx, c, name, password, addresses)
	if err != nil {
		return nil, err
	}
	return &Server{
		kind: KindContainer, where: "PostgreSQL " + version + " in a container of " + p.Image, dsn: dsn, watch: watch,
		stop: func(ctx context.Context) error { return terminate(ctx, c) },
	}, nil
}

// containerAddresses lists where the container may be reached. testcontainers takes the
// gateway's address where we ourselves run in a container, which is right for an engine
// outside of it and wrong for one beside us.
func containerAddresses(ctx context.Context, c *postgres.PostgresContainer) ([]string, error) {
	first, err := c.PortEndpoint(ctx, "5432/tcp", "")
	if err != nil {
		return nil, err
	}
	if os.Getenv("TESTCONTAINERS_HOST_OVERRIDE") != "" {
		return []string{first}, nil
	}
	_, port, err := net.SplitHostPort(first)
	if err != nil {
		return nil, err
	}
	addresses := []string{first}
	if local := net.JoinHostPort("127.0.0.1", port); first != local && first != "localhost:"+port {
		addresses = append(addresses, local)
	}
	ip, err := c.ContainerIP(ctx)
	if err != nil {
		return nil, err
	}
	if ip != "" {
		addresses = append(addresses, net.JoinHostPort(ip, "5432"))
	}
	return addresses, nil
}

// pingContainer waits for the server's answer at one of the addresses, and gives up as soon
// as the container ends. Another server that happens to answer there has another name.
func pingContainer(
	ctx context.Context, c *postgres.PostgresContainer, name, password string, addresses []string,
) (dsn, version string, err error) {
	deadline := time.Now().Add(bootTimeout)
	for patience := 250 * time.Millisecond; ; patience = min(2*patience, 4*time.Second) {
		var refused []error
		for _, address := range addresses {
			u := url.URL{
				Scheme: "postgres", User: url.UserPassword("postgres", password), Host: address, Path: "/postgres",
				RawQuery: "sslmode=disable",
			}
			version, err := pingNamed(ctx, u.String(), name, patience)
			if err == nil {
				return u.String(), version, nil
			}
			refused = append(refused, err)
		}
		state, err := c.State(ctx)
		if err != nil {
			return "", "", errors.Join(append(refused, err)...)
		}
		if !state.Running || time.Now().After(deadline) {
			return "", "", fmt.Errorf(
				"the container is %s: %w; its log ends: %s", state.Status, errors.Join(refused...), lastLogs(ctx, c),
			)
		}
	}
}

// pingNamed is ping for a server whose cluster_name is known.
func pingNamed(ctx context.Context, dsn, name string, patience time.Duration) (version string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if version, err = ping(ctx, dsn, patience); err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, conn.Close(context.WithoutCancel(ctx))) }()
	var got string
	if err := conn.QueryRow(ctx, "SELECT current_setting('cluster_name')").Scan(&got); err != nil {
		return "", err
	}
	if got != name {
		return "", errors.New("another server answers")
	}
	return version, nil
}

// lastLogs gives the end of the container's log, which says why it does not answer.
func lastLogs(ctx context.Context, c *postgres.PostgresContainer) string {
	logs, err := c.Logs(ctx)
	if err != nil {
		return err.Error()
	}
	body, err := io.ReadAll(logs)
	if err = errors.Join(err, logs.Close()); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(body[max(0, len(body)-500):]))
}

// terminate removes the container and its volume at once: nothing in it is worth a
// shutdown in good order.
func terminate(ctx context.Context, c *postgres.PostgresContainer) error {
	if c == nil {
		return nil
	}
	return testcontainers.TerminateContainer(c, testcontainers.StopContext(ctx), testcontainers.StopTimeout(0))
}

// quieten keeps testcontainers from printing about the engine before a test's own output;
// what matters of it comes back as an error.
var quieten = sync.OnceFunc(func() { log.SetDefault(log.NewNoopLogger()) })
