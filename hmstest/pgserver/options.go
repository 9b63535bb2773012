package pgserver

import (
	"maps"
	"os"
	"slices"
)

// Kind is a way to a server.
type Kind string

// The ways, in the order in which they are tried.
const (
	KindAuto      Kind = "auto"      // all of them, in this order
	KindURL       Kind = "url"       // a server that runs already
	KindContainer Kind = "container" // a container of a Docker engine
	KindLocal     Kind = "local"     // binaries of this machine
	KindEmbedded  Kind = "embedded"  // downloaded binaries
)

// DefaultImage is the container image where neither Options nor HMS_POSTGRES_IMAGE names
// one: the official one.
const DefaultImage = "postgres:17-alpine"

// Options say which server is wanted. The zero value searches in the package's order.
type Options struct {
	// Kind limits the search to one way. Empty: HMS_POSTGRES, then KindAuto.
	Kind Kind
	// URL is the DSN of a running server, in the form postgres://user@host/database.
	// Empty: HMS_DATABASE_URL. Where there is one, KindAuto tries no other way.
	URL string
	// Image is what a container runs. Empty: HMS_POSTGRES_IMAGE, then DefaultImage.
	Image string
	// DataDir is where a local or embedded cluster lives; it stays and is used again by
	// the next Start. It must be empty, absent or from an earlier Start. Empty: a
	// temporary folder that goes with Stop. A container cannot keep it, so with a DataDir
	// KindAuto passes over containers.
	DataDir string
	// Settings are further settings of the server by name, over the package's own. Not for
	// KindURL.
	Settings map[string]string
	// Durable leaves fsync, synchronous_commit, full_page_writes and jit on, for tests of
	// crashes. Off by default: a throw-away server is faster without.
	Durable bool
	// Logf gets one line per step; nil is silent.
	Logf func(format string, args ...any)
}

func (o Options) withDefaults() Options {
	first := func(values ...string) string {
		for _, v := range values {
			if v != "" {
				return v
			}
		}
		return ""
	}
	o.Kind = Kind(first(string(o.Kind), os.Getenv("HMS_POSTGRES"), string(KindAuto)))
	o.URL = first(o.URL, os.Getenv("HMS_DATABASE_URL"))
	o.Image = first(o.Image, os.Getenv("HMS_POSTGRES_IMAGE"), DefaultImage)
	if o.Kind == KindAuto && o.URL != "" {
		// Whoever names a server wants that one: falling back would test something else
		// without a word.
		o.Kind = KindURL
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
	return o
}

// settings gives the server's configuration: the caller's over ours.
func (o Options) settings() map[string]string {
	merged := map[string]string{
		"max_connections": "300", "shared_buffers": "256MB", "timezone": "UTC", "log_timezone": "UTC",
		"log_min_error_statement": "panic", "log_error_verbosity": "terse", // a failed statement holds a patient's data
	}
	if !o.Durable {
		merged["fsync"], merged["synchronous_commit"], merged["full_page_writes"] = "off", "off", "off"
		merged["jit"] = "off" // tests ask large questions of small tables, and compiling them takes longer
	}
	maps.Copy(merged, o.Settings)
	return merged
}

// arguments gives the settings as arguments of the program postgres, in a stable order.
func (o Options) arguments() []string {
	settings := o.settings()
	var args []string
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}
