package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// startEmbedded lets embedded-postgres download and unpack the binaries, and runs them as
// a local cluster: so root, the settings and Kill work the same either way.
func startEmbedded(ctx context.Context, o Options) (*Server, error) {
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("hms-embedded-postgres-%d", os.Getuid()))
	bin := filepath.Join(folder, "binaries", "bin")
	if !hasBinaries(bin) {
		if err := download(folder); err != nil && !hasBinaries(bin) {
			return nil, err
		}
	}
	return startCluster(ctx, o, KindEmbedded, bin)
}

// download has embedded-postgres start and stop a cluster, for it has no call that only
// downloads. As root its initdb fails after the binaries were unpacked, which is enough.
func download(folder string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // the account that runs the server must enter
		return err
	}
	database := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Port(uint32(port)). //nolint:gosec // a port
		BinariesPath(filepath.Join(folder, "binaries")).
		RuntimePath(filepath.Join(folder, "runtime")).
		CachePath(filepath.Join(folder, "cache")).
		Logger(io.Discard))
	if err := database.Start(); err != nil {
		return errors.New("the binaries could not be downloaded or unpacked: " + err.Error())
	}
	return database.Stop()
}
