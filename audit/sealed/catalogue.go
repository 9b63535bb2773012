package sealed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fingerprint"
)

// catalogueSum is what a checkpoint says of the database's catalogue.
type catalogueSum struct {
	reading         string
	catalogue, host tlog.Hash
}

// sign puts it into a checkpoint.
func (c catalogueSum) sign(p *proof.Checkpoint) {
	p.Reading, p.Catalogue, p.Host = c.reading, c.catalogue, c.host
}

// differsFrom tells whether the catalogue was changed since a checkpoint; never where that one read it in another way.
// Logins and other things of a host's wait for the next checkpoint.
func (c catalogueSum) differsFrom(p proof.Checkpoint) bool {
	return c.reading == p.Reading && c.catalogue != p.Catalogue
}

// catalogueCache keeps what was read for [Config.CatalogueAge]: all tenants of a database have one catalogue.
type catalogueCache struct {
	mu  sync.Mutex
	at  time.Time // of the database's clock; zero: nothing was read
	sum catalogueSum
}

// catalogue gives the fingerprint, read now or a moment ago.
func (s *Service) catalogue(ctx context.Context, db dbx.DB, now time.Time) (catalogueSum, error) {
	s.cache.mu.Lock()
	defer s.cache.mu.Unlock()
	if age := now.Sub(s.cache.at); !s.cache.at.IsZero() && age >= 0 && age < s.config.CatalogueAge {
		return s.cache.sum, nil
	}
	c, err := fingerprint.Read(ctx, db.Query)
	if err != nil {
		return catalogueSum{}, err
	}
	s.cache.at, s.cache.sum = now, sumOf(c)
	return s.cache.sum, nil
}

func sumOf(c fingerprint.Catalogue) catalogueSum {
	return catalogueSum{
		reading: fingerprint.Reading(c.Version), catalogue: tlog.Hash(c.Sum()), host: tlog.Hash(c.HostSum()),
	}
}

// Difference is an object of the database that is not what this version's migrations make.
type Difference struct {
	Kind string `json:"kind"` // such as "table", "trigger", "policy", "right", "membership"
	Name string `json:"name"` // such as "patient.patient_audit_update" or "table patient to hms_app"
	Want string `json:"want"` // its definition, "sha256 ..." of a long one; empty for what must not be there
	Got  string `json:"got"`  // as Want; empty for what is gone
}

// CatalogueReport tells how the schema and our roles stand.
type CatalogueReport struct {
	Fingerprint tlog.Hash `json:"fingerprint"` // as it is now
	// Compared tells whether it was held against what this version's migrations make on such a server. Where it
	// was not, NotCompared says why.
	Compared    bool   `json:"compared"`
	NotCompared string `json:"notCompared"`
	// Changes are the checkpoints that were the first to sign another fingerprint than the one before them, oldest
	// first, beginning with the first of all; at most [MaxFindings], the newest.
	Changes []CatalogueChange `json:"changes"`
	// Host are a host's own objects that touch ours, a line each: logins that belong to our roles, foreign keys onto
	// our tables, plain indexes on them, event triggers, publications, settings. They are compared with nothing.
	Host []string `json:"host"`
}

// CatalogueChange is a checkpoint at which the catalogue was no longer as before.
type CatalogueChange struct {
	Number      int64     `json:"number"`        // the checkpoint's
	Time        time.Time `json:"time,omitzero"` // the checkpoint's
	Reading     string    `json:"reading"`
	Fingerprint tlog.Hash `json:"fingerprint"`
	Host        tlog.Hash `json:"host"` // of the host's own objects
}

// String tells the change in a line.
func (c CatalogueChange) String() string {
	return fmt.Sprintf("checkpoint %d of %s", c.Number, c.Time.Format(time.RFC3339))
}
