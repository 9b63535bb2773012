//go:build !unix

package pgserver

import (
	"os"
	"syscall"
)

type account struct{}

func unprivileged() (account, error) { return account{}, nil }

func (account) own(string) error { return nil }

func (account) attributes() *syscall.SysProcAttr { return nil }

func detached() *syscall.SysProcAttr { return nil }

func (c *cluster) kill() error { return ErrNotLocal }

// lockFile does nothing where the system has no flock: there packages should be tested one by one.
func lockFile(*os.File) error { return nil }
