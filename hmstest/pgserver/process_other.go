//go:build !unix

package pgserver

import (
	"context"
	"os"
	"syscall"
)

// canWatch: without a shell a server that is not stopped stays.
const canWatch = false

type account struct{}

func unprivileged() (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func (account) tempDir() (string, error) { return os.TempDir(), nil }

func (account) makeReachable(string) error { return nil }

func (account) attributes() *syscall.SysProcAttr { return nil }

func detached() *syscall.SysProcAttr { return nil }

func ownedByUs(os.FileInfo) bool { return true }

func (c *cluster) kill() error { return ErrNotLocal }

// lockFile does nothing where the system has no flock: there packages should be tested one by one.
func lockFile(context.Context, *os.File) error { return nil }

func (account) closedParent(string) (string, error) { return "", nil }
