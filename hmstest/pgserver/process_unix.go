//go:build unix

package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const canWatch = true

// account is who runs the server: initdb and postgres refuse root.
type account struct {
	name     string
	drop     bool // we are root and become that account
	uid, gid uint32
}

// unprivileged gives the process's own account, or, for root, that of postgres or nobody.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return account{}, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return account{}, err
		}
		return account{name: name, drop: true, uid: uint32(uid), gid: uint32(gid)}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
}

func (a account) own(folder string) error {
	if !a.drop {
		return nil
	}
	return os.Chown(folder, int(a.uid), int(a.gid))
}

func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true} // Ctrl-C at the test must not reach the server first
	if a.drop {
		attr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
	return attr
}

// tempDir gives the first temporary folder into which the account can come.
func (a account) tempDir() (string, error) {
	for _, dir := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		dir, err := filepath.Abs(dir)
		if err != nil {
			return "", err
		}
		if closed, err := a.closedParent(dir); err == nil && closed == "" {
			return dir, nil
		}
	}
	return "", fmt.Errorf("user %s cannot enter any temporary folder (TMPDIR is %s)", a.name, os.TempDir())
}

// closedParent names the folder of a path that the account cannot enter; empty: none. What
// does not exist yet will be made by us.
func (a account) closedParent(path string) (string, error) {
	if !a.drop {
		return "", nil
	}
	for dir := path; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
		if err == nil && !a.enters(info) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", nil
		}
	}
}

func (a account) enters(info os.FileInfo) bool {
	mode := info.Mode().Perm()
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		if stat.Uid == a.uid {
			return mode&0o100 != 0
		}
		if stat.Gid == a.gid {
			return mode&0o010 != 0
		}
	}
	return mode&0o001 != 0
}

// makeReachable makes a folder and lets the account pass through it. It opens folders below
// the temporary one only: who may enter any other is not for us to decide.
func (a account) makeReachable(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	for {
		closed, err := a.closedParent(folder)
		if err != nil || closed == "" {
			return err
		}
		inside, err := filepath.Rel(os.TempDir(), closed)
		if err != nil || inside == "." || inside == ".." || strings.HasPrefix(inside, "../") {
			return fmt.Errorf(
				"user %s, who runs the server, cannot enter %s: choose another folder, or let the user in", a.name, closed,
			)
		}
		info, err := os.Stat(closed)
		if err != nil {
			return err
		}
		if err := os.Chmod(closed, info.Mode().Perm()|0o111); err != nil {
			return err
		}
	}
}

func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }

// ownedByUs guards against a file or folder of ours that somebody else put there before.
func ownedByUs(info os.FileInfo) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && int64(stat.Uid) == int64(os.Geteuid()) && info.Mode().Perm()&0o022 == 0
}

// kill sends SIGKILL to the postmaster and to its children, which live in sessions of
// their own, and waits until all are gone. A server that does not run is killed already.
func (c *cluster) kill() error {
	pid, err := c.postmaster()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// A stopped postmaster makes no further child while we list them.
	if err := signal(pid, syscall.SIGSTOP); err != nil {
		return err
	}
	children, err := childrenOf(pid)
	if err != nil {
		return errors.Join(err, signal(pid, syscall.SIGCONT))
	}
	all := append(children, pid)
	for _, p := range all {
		if err := signal(p, syscall.SIGKILL); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(10 * time.Second)
	for _, p := range all {
		for running(p) {
			if time.Now().After(deadline) {
				return fmt.Errorf("process %d does not end", p)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return c.removeLocks()
}

func signal(pid int, s syscall.Signal) error {
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("signal %v to process %d: %w", s, pid, err)
	}
	return nil
}

// running tells whether the process lives; a zombie, whose parent has not waited yet, does not.
func running(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return false
	}
	processes, err := processTable("-p", strconv.Itoa(pid))
	return err != nil || len(processes) > 0
}

func childrenOf(parent int) ([]int, error) {
	processes, err := processTable("-A")
	if err != nil {
		return nil, err
	}
	var children []int
	for _, p := range processes {
		if p.parent == parent {
			children = append(children, p.pid)
		}
	}
	return children, nil
}

type process struct{ pid, parent int }

// processTable lists the processes that are no zombies: from /proc, or else from ps with
// that selection.
func processTable(selection ...string) ([]process, error) {
	files := "/proc/[0-9]*/stat"
	if len(selection) == 2 {
		files = "/proc/" + selection[1] + "/stat"
	}
	found, err := filepath.Glob(files)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		return psTable(selection)
	}
	var all []process
	for _, file := range found {
		body, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended meanwhile
		}
		// The name, in brackets, may hold anything; after it come state and parent.
		text := string(body)
		var pid, parent int
		var state string
		if _, err := fmt.Sscan(text[:strings.IndexByte(text, ' ')], &pid); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if _, err := fmt.Sscan(text[strings.LastIndexByte(text, ')')+1:], &state, &parent); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if state != "Z" && state != "X" {
			all = append(all, process{pid, parent})
		}
	}
	return all, nil
}

func psTable(selection []string) ([]process, error) {
	out, err := exec.Command("ps", append(selection, "-o", "pid=,ppid=,stat=")...).Output()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended { // ps fails where it finds none
		return nil, fmt.Errorf("ps: %w", err)
	}
	var all []process
	for line := range strings.Lines(string(out)) {
		var p process
		var state string
		if _, err := fmt.Sscan(line, &p.pid, &p.parent, &state); err == nil && !strings.HasPrefix(state, "Z") {
			all = append(all, p)
		}
	}
	return all, nil
}

// lockFile waits for the file's exclusive lock, which the system gives back when the process ends.
func lockFile(ctx context.Context, f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("another process starts the shared server and does not finish: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
