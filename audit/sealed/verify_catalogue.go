package sealed

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/fingerprint"
	"github.com/chelal/hms/migrate"
)

// maxDifferences bounds what a report tells of the catalogue one by one, so that the log's findings have their room.
const maxDifferences = MaxFindings / 4

// catalogueHistory follows the fingerprints that were signed.
type catalogueHistory struct {
	last CatalogueChange
	// by fingerprint and its reading: the newest checkpoint that signed it
	seen map[signedCatalogue]CatalogueChange
}

type signedCatalogue struct {
	reading string
	sum     tlog.Hash
}

// follow looks at the next checkpoint. A catalogue that is again what it was before was another one in between: the
// guards were off, and somebody put them back.
func (c *logCheck) follow(number int64, p proof.Checkpoint) {
	now := CatalogueChange{Number: number, Time: p.Time, Reading: p.Reading, Fingerprint: p.Catalogue, Host: p.Host}
	h := &c.history
	if h.seen == nil {
		h.seen = map[signedCatalogue]CatalogueChange{}
	}
	key := signedCatalogue{p.Reading, p.Catalogue}
	before, known := h.seen[key]
	if known && before != h.last && c.changedSince(before) {
		c.report.addf(FindingCatalogueChanged, fmt.Sprintf("another one after %s, and again as then from %s on", before, now))
	}
	if h.last.Number == 0 || h.last.Reading != now.Reading || h.last.Fingerprint != now.Fingerprint ||
		h.last.Host != now.Host {
		c.report.Catalogue.Changes = append(c.report.Catalogue.Changes, now)
		if len(c.report.Catalogue.Changes) > MaxFindings {
			c.report.Catalogue.Changes = c.report.Catalogue.Changes[1:]
		}
	}
	h.seen[key], h.last = now, now
}

// changedSince tells whether a newer checkpoint of the same reading signed another fingerprint.
func (c *logCheck) changedSince(before CatalogueChange) bool {
	for key, newest := range c.history.seen {
		if key.reading == before.Reading && key.sum != before.Fingerprint && newest.Number > before.Number {
			return true
		}
	}
	return false
}

// checkCatalogue holds the schema and our roles against what this version's migrations make.
func (c *logCheck) checkCatalogue() error {
	found, err := fingerprint.Read(c.ctx, c.db.Query)
	if err != nil {
		return err
	}
	report := &c.report.Catalogue
	report.Fingerprint = sumOf(found).catalogue
	mode := fingerprint.Ordinary
	if c.s.base.DB.IsHardened() {
		mode = fingerprint.Hardened
	}
	state, stateErr := migrate.CheckIn(c.ctx, c.db.Query)
	golden, known := fingerprint.Golden(found.Version, mode)
	switch {
	case stateErr != nil: // a row of hms.migration is all that it takes to get here
		report.NotCompared = stateErr.Error()
		c.report.addf(FindingCatalogueUnknown, "not compared: "+report.NotCompared)
	case len(state.Newer) > 0:
		report.NotCompared = "the schema is newer: step " + state.Newer[len(state.Newer)-1]
		c.report.addf(FindingCatalogueUnknown, "not compared: "+report.NotCompared)
	case !known:
		report.NotCompared = fmt.Sprintf("this version knows PostgreSQL %v, the server is %d", fingerprint.Versions(),
			found.Version)
	default:
		report.Compared = true
	}
	differences, host := fingerprint.Compare(golden, found)
	for _, h := range host {
		report.Host = append(report.Host, h.String())
	}
	if report.Compared {
		c.reportDifferences(differences)
	}
	return nil
}

func (c *logCheck) reportDifferences(differences []fingerprint.Difference) {
	for i, d := range differences {
		if i == maxDifferences {
			c.report.addf(FindingCatalogue, fmt.Sprintf("%d more", len(differences)-i))
			return
		}
		c.report.add(Finding{
			Kind: FindingCatalogue, Index: -1, Until: -1, Detail: d.String(),
			Object: &Difference{Kind: d.Kind, Name: d.Name, Want: d.Want, Got: d.Got},
		})
	}
}
