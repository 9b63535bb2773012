package pgserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/testcontainers/testcontainers-go"
	"github.com/testcontainers/testcontainers-go/modules/postgres"
)

// How long the search for a container may take before the next way is tried.
const (
	engineTimeout = 2 * time.Second
	pullTimeout   = 6 * time.Second
	bootTimeout   = 60 * time.Second
)

func startContainer(ctx context.Context, o Options) (*Server, error) {
	engine, err := dockerEngine()
	if err != nil {
		return nil, err
	}
	patience := pullTimeout
	if o.Kind == KindContainer { // asked for by name: then it may take its time
		patience = 5 * time.Minute
	}
	if err := engine.imageAtHand(ctx, o.Image, patience); err != nil {
		return nil, err
	}
	// Our own watchdog ends a shared container and Stop any other; the reaper would end a
	// shared one as soon as the first test binary is done.
	if err := os.Setenv("TESTCONTAINERS_RYUK_DISABLED", "true"); err != nil {
		return nil, err
	}
	command := []string{"postgres"}
	for name, value := range o.settings() {
		command = append(command, "-c", name+"="+value)
	}
	container, err := postgres.Run(ctx, o.Image,
		postgres.WithUsername("postgres"), postgres.WithPassword("postgres"), postgres.WithDatabase("postgres"),
		testcontainers.WithCmd(command...))
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(container))
	}
	dsn, err := container.ConnectionString(ctx, "sslmode=disable")
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(container))
	}
	version, err := ping(ctx, dsn, bootTimeout)
	if err != nil {
		return nil, errors.Join(err, testcontainers.TerminateContainer(container))
	}
	return &Server{
		kind: KindContainer, where: "PostgreSQL " + version + " in image " + o.Image, dsn: dsn, handle: container.GetContainerID(),
		stop: func(context.Context) error { return testcontainers.TerminateContainer(container) },
	}, nil
}

// imageAtHand asks the engine over its own protocol, since the client library gives no
// bound for an engine that hangs: does it answer, and has it the image? Where not, it may
// pull for as long as patience lasts.
func (e engine) imageAtHand(ctx context.Context, image string, patience time.Duration) error {
	defer e.client.CloseIdleConnections()
	if err := e.call(ctx, engineTimeout, http.MethodGet, "/_ping"); err != nil {
		return fmt.Errorf("no Docker engine answers: %w", err)
	}
	if err := e.call(ctx, engineTimeout, http.MethodGet, "/images/"+image+"/json"); err == nil {
		return nil
	}
	name, tag, found := strings.Cut(image, ":")
	if !found {
		tag = "latest"
	}
	query := url.Values{"fromImage": {name}, "tag": {tag}}
	if err := e.call(ctx, patience, http.MethodPost, "/images/create?"+query.Encode()); err != nil {
		return fmt.Errorf("the Docker engine has no image %s and cannot pull it: %w", image, err)
	}
	return nil
}

type engine struct {
	client *http.Client
	base   string
}

func dockerEngine() (engine, error) {
	host := os.Getenv("DOCKER_HOST")
	if host == "" {
		host = "unix:///var/run/docker.sock"
	}
	u, err := url.Parse(host)
	if err != nil {
		return engine{}, errors.New("DOCKER_HOST cannot be read")
	}
	network, address := "tcp", u.Host
	if u.Scheme == "unix" {
		network, address = "unix", u.Path
	}
	if !slices.Contains([]string{"unix", "tcp", "http"}, u.Scheme) {
		return engine{}, fmt.Errorf("DOCKER_HOST of scheme %q is not supported", u.Scheme)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
	return engine{client: &http.Client{Transport: transport}, base: "http://docker"}, nil
}

// call reads the whole answer: a pull streams its progress, and an error may be in it.
func (e engine) call(ctx context.Context, patience time.Duration, method, path string) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.base+path, nil)
	if err != nil {
		return err
	}
	res, err := e.client.Do(req)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("it answers %s", res.Status)
	}
	if !strings.HasPrefix(path, "/images/create") {
		_, err = io.Copy(io.Discard, res.Body)
		return err
	}
	for decoder := json.NewDecoder(res.Body); ; {
		var step struct{ Error string }
		if err := decoder.Decode(&step); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if step.Error != "" {
			return errors.New(step.Error)
		}
	}
}
