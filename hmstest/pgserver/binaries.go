package pgserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

var errNoBinaries = errors.New(
	"no folder with initdb, postgres and pg_ctl on PATH, by pg_config or in the usual places",
)

// places is where to look for PostgreSQL's binaries, in this order.
type places struct {
	path     string   // list of folders, as in $PATH
	pgConfig string   // program to ask for its --bindir; empty: none
	patterns []string // of folders; the highest version of each wins
}

func usualPlaces() places {
	return places{path: os.Getenv("PATH"), pgConfig: "pg_config", patterns: []string{
		"/usr/lib/postgresql/*/bin",            // Debian, Ubuntu
		"/usr/pgsql-*/bin",                     // Red Hat, from postgresql.org
		"/usr/libexec/postgresql*",             // Alpine
		"/usr/local/pgsql/bin",                 // from source
		"/opt/homebrew/opt/postgresql@*/bin",   // Homebrew, Apple silicon
		"/usr/local/opt/postgresql@*/bin",      // Homebrew, Intel
		"/home/linuxbrew/.linuxbrew/opt/*/bin", // Homebrew, Linux
		"/opt/homebrew/opt/postgresql/bin",     // Homebrew, without a version
		"/usr/local/opt/postgresql/bin",        // the same
		"/Applications/Postgres.app/Contents/Versions/*/bin",
	}}
}

// find gives the folder of initdb, postgres and pg_ctl, and why others were refused.
func (p places) find(ctx context.Context) (string, error) {
	folders := filepath.SplitList(p.path)
	if p.pgConfig != "" {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		// Where there is none, the other places are asked.
		if out, err := exec.CommandContext(ctx, p.pgConfig, "--bindir").Output(); err == nil {
			folders = append(folders, strings.TrimSpace(string(out)))
		}
	}
	for _, pattern := range p.patterns {
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("%s: %w", pattern, err)
		}
		slices.SortFunc(found, func(a, b string) int { return slices.Compare(numbers(b), numbers(a)) })
		folders = append(folders, found...)
	}
	refused := errNoBinaries
	for _, dir := range folders {
		dir, ok := home(dir)
		if !ok {
			continue
		}
		if err := works(ctx, dir); err != nil {
			refused = err
			continue
		}
		return dir, nil
	}
	return "", refused
}

// home follows a symbolic link to the folder where PostgreSQL is installed, since only
// there all its programs and files are sure to be of one version.
func home(dir string) (string, bool) {
	if !filepath.IsAbs(dir) {
		return "", false // never run programs of the working folder
	}
	if real, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil && hasBinaries(filepath.Dir(real)) {
		return filepath.Dir(real), true
	}
	return dir, hasBinaries(dir)
}

func hasBinaries(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "pg_ctl"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// works finds out a wrapper script or a binary of another system before it fails later.
func works(ctx context.Context, dir string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s/postgres does not run: %w", dir, err)
	}
	if !strings.HasPrefix(string(out), "postgres (PostgreSQL) ") {
		return fmt.Errorf("%s/postgres is not PostgreSQL's", dir)
	}
	return nil
}

// numbers gives the numbers in a path, so that version 9 sorts before 15.
func numbers(path string) []int {
	var all []int
	for _, field := range strings.FieldsFunc(path, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil {
			all = append(all, n)
		}
	}
	return all
}
