package pgserver

import (
	_ "embed"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
)

//go:embed watchdog.sh
var watchdogScript string

// watchdog is the process that ends a server when its owner is gone. A nil one does nothing.
type watchdog struct{ cmd *exec.Cmd }

// startWatchdog watches over a cluster or over the container of that name. Where the system
// has no shell to run it there is none.
func startWatchdog(p plan, c *cluster, container string) (*watchdog, error) {
	if !canWatch {
		return nil, nil //nolint:nilnil // documented: a nil watchdog does nothing
	}
	folder, fate := "", "keep"
	if c != nil {
		folder = c.folder
		if !c.keep {
			fate = "remove"
		}
	}
	args := []string{"-c", watchdogScript, "hms-postgres-watchdog", strconv.Itoa(p.owner), folder, fate, container}
	cmd := exec.Command("/bin/sh", append(args, p.files...)...)
	cmd.Dir = "/"
	cmd.SysProcAttr = detached()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("the process that ends the server after us: %w", err)
	}
	return &watchdog{cmd: cmd}, nil
}

// end takes the watchdog away, because its server is gone.
func (w *watchdog) end() error {
	if w == nil {
		return nil
	}
	if err := w.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("watchdog: %w", err)
	}
	if _, ok := errors.AsType[*exec.ExitError](w.cmd.Wait()); !ok {
		return errors.New("watchdog: it had ended before")
	}
	return nil
}

// release leaves the watchdog to itself.
func (w *watchdog) release() error {
	if w == nil {
		return nil
	}
	return w.cmd.Process.Release()
}
