package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"time"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

const (
	// binaryRepository is where embedded-postgres finds its binaries.
	binaryRepository = "https://repo1.maven.org/maven2"
	// embeddedVersion follows DefaultImage.
	embeddedVersion = embeddedpostgres.V17
	// downloadTimeout bounds the first use; later ones download nothing.
	downloadTimeout = 3 * time.Minute
)

// startEmbedded lets embedded-postgres download and unpack the binaries, and runs them as
// a local cluster: so root, the settings and Kill work the same either way.
func startEmbedded(ctx context.Context, p plan) (*Server, error) {
	folder, err := embeddedFolder()
	if err != nil {
		return nil, err
	}
	bin, err := embeddedBinaries(ctx, folder, binaryRepository)
	if err != nil {
		return nil, err
	}
	return startCluster(ctx, p, KindEmbedded, bin)
}

// embeddedFolder is the user's cache, but for root a temporary folder, since the account
// that runs the server must come in.
func embeddedFolder() (string, error) {
	a, err := unprivileged()
	if err != nil {
		return "", err
	}
	if cache, err := os.UserCacheDir(); err == nil {
		if closed, err := a.closedParent(cache); err == nil && closed == "" {
			return filepath.Join(cache, "hms-embedded-postgres"), nil
		}
	}
	parent, err := a.tempDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(parent, fmt.Sprintf("hms-embedded-postgres-%d", os.Getuid())), nil
}

// embeddedBinaries gives the folder of the unpacked binaries, downloading them from the
// repository where they are not there yet. Processes take turns.
func embeddedBinaries(ctx context.Context, folder, repository string) (_ string, err error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || !ownedByUs(info) { // we run what lies there
		return "", fmt.Errorf("%s is not a folder of this user alone", folder)
	}
	lock, err := openOwn(filepath.Join(folder, "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := lockFile(ctx, lock); err != nil {
		return "", err
	}
	bin := filepath.Join(folder, string(embeddedVersion), "bin")
	if hasBinaries(bin) {
		return bin, nil
	}
	if err := download(ctx, folder, repository); err != nil && !hasBinaries(bin) {
		return "", fmt.Errorf("the binaries could not be downloaded from %s or unpacked: %w", repository, err)
	}
	return bin, nil
}

// download has embedded-postgres start and stop a cluster, for it has no call that only
// downloads. As root its initdb fails after the binaries were unpacked, which is enough.
func download(ctx context.Context, folder, repository string) error {
	ctx, cancel := context.WithTimeout(ctx, downloadTimeout)
	defer cancel()
	port, err := freePort()
	if err != nil {
		return err
	}
	return viaRelay(ctx, repository, func(relay string) error {
		database := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
			Version(embeddedVersion).
			Port(uint32(port)).
			BinaryRepositoryURL(relay).
			BinariesPath(filepath.Join(folder, string(embeddedVersion))).
			RuntimePath(filepath.Join(folder, "runtime")).
			CachePath(filepath.Join(folder, "cache")).
			Logger(io.Discard))
		if err := database.Start(); err != nil {
			return errors.Join(ctx.Err(), err)
		}
		return database.Stop()
	})
}

// viaRelay gives do the address of a relay to the repository that answers no longer than
// ctx lasts: embedded-postgres downloads without any bound.
func viaRelay(ctx context.Context, repository string, do func(relay string) error) (err error) {
	target, err := url.Parse(repository)
	if err != nil {
		return err
	}
	transport := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second,
	}
	defer transport.CloseIdleConnections()
	var failure error // written by the relay, read after it has ended
	relay := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		Handler: &httputil.ReverseProxy{
			Transport: transport,
			Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(target) },
			ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
				failure = err // requests come one after the other
				w.WriteHeader(http.StatusBadGateway)
			},
		},
	}
	relay.SetKeepAlivesEnabled(false)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	served := make(chan error, 1)
	go func() { served <- relay.Serve(listener) }()
	err = do("http://" + listener.Addr().String())
	closeErr := relay.Shutdown(context.WithoutCancel(ctx))
	if serveErr := <-served; !errors.Is(serveErr, http.ErrServerClosed) {
		closeErr = errors.Join(closeErr, serveErr)
	}
	if err != nil {
		err = errors.Join(err, failure)
	}
	return errors.Join(err, closeErr)
}
