package pgserver

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/moby/api/pkg/authconfig"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
)

// How long the search for a container may take before the next way is tried.
const (
	engineTimeout = 2 * time.Second // to answer
	pullTimeout   = 6 * time.Second // to pull the image
	askedTimeout  = 5 * time.Minute // to pull it, where a container was asked for by name
)

var errNoEngine = errors.New("no Docker engine answers")

// findEngine gives a client of the first Docker engine that answers. testcontainers' own
// search has no bound, which an engine that hangs needs.
func findEngine(ctx context.Context, hosts []string) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	var tried []error
	for _, host := range hosts {
		engine, err := client.New(client.FromEnv, client.WithHost(host))
		if err != nil {
			tried = append(tried, fmt.Errorf("%s: %w", host, err))
			continue
		}
		if _, err = engine.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true}); err == nil {
			return engine, nil
		}
		tried = append(tried, fmt.Errorf("%s: %w", host, errors.Join(err, engine.Close())))
	}
	return nil, errors.Join(append([]error{errNoEngine}, tried...)...)
}

// engineHosts lists where a Docker engine may listen: DOCKER_HOST alone where it is set,
// else the current context of the docker program and the usual sockets that exist.
func engineHosts() []string {
	if host := os.Getenv("DOCKER_HOST"); host != "" {
		return []string{host}
	}
	var hosts []string
	home, err := os.UserHomeDir()
	if err == nil {
		if host := contextHost(filepath.Join(home, ".docker")); host != "" {
			hosts = append(hosts, host)
		}
	}
	sockets := []string{"/var/run/docker.sock"}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		sockets = append(sockets, filepath.Join(dir, "docker.sock"))
	}
	if err == nil {
		sockets = append(
			sockets, filepath.Join(home, ".docker/run/docker.sock"), filepath.Join(home, ".docker/desktop/docker.sock"),
		)
	}
	sockets = append(sockets, fmt.Sprintf("/run/user/%d/docker.sock", os.Getuid()))
	for _, socket := range sockets {
		if _, err := os.Stat(socket); err == nil {
			hosts = append(hosts, "unix://"+socket)
		}
	}
	return hosts
}

// contextHost reads the address of the current context of the docker program; empty where
// there is none.
func contextHost(folder string) string {
	var config struct{ CurrentContext string }
	if readJSON(filepath.Join(folder, "config.json"), &config) != nil || config.CurrentContext == "" {
		return ""
	}
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(config.CurrentContext)))
	var meta struct {
		Endpoints map[string]struct{ Host string }
	}
	if readJSON(filepath.Join(folder, "contexts", "meta", id, "meta.json"), &meta) != nil {
		return ""
	}
	return meta.Endpoints["docker"].Host
}

func readJSON(path string, into any) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, into)
}

// imageAtHand sees to it that the engine has the image: where it has not, it may pull for
// as long as patience lasts, once.
func imageAtHand(ctx context.Context, engine *client.Client, image string, patience time.Duration) error {
	inspect, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	if _, err := engine.ImageInspect(inspect, image); err == nil {
		return nil
	}
	ctx, cancel = context.WithTimeout(ctx, patience)
	defer cancel()
	if err := pull(ctx, engine, image); err != nil {
		return fmt.Errorf("the Docker engine has no image %s and cannot pull it: %w", image, err)
	}
	return nil
}

func pull(ctx context.Context, engine *client.Client, image string) error {
	var options client.ImagePullOptions
	// Without credentials for its registry the image may still be public.
	if _, auth, err := testcontainers.DockerImageAuth(ctx, image); err == nil {
		if options.RegistryAuth, err = authconfig.Encode(auth); err != nil {
			return err
		}
	}
	progress, err := engine.ImagePull(ctx, image, options)
	if err != nil {
		return err
	}
	return errors.Join(progress.Wait(ctx), progress.Close())
}
