package sealed

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/internal/usecase"
)

// FindingKind is a way in which the log or the trail is not what it was.
type FindingKind string

// The kinds of finding, with the attack that each betrays.
const (
	// FindingEdited: an event does not have the hash of its leaf.
	FindingEdited FindingKind = "event-edited"
	// FindingRemoved: a leaf has no event, and no purge explains it.
	FindingRemoved FindingKind = "event-removed"
	// FindingInserted: an event is not in the log, and was recorded when a checkpoint says that all such are.
	FindingInserted FindingKind = "event-not-sealed"
	// FindingBackDated: an event was recorded before the instant up to which an earlier checkpoint says that all are in
	// the log, or after it was sealed.
	FindingBackDated FindingKind = "event-back-dated"
	// FindingLeaf: a leaf's number is missing.
	FindingLeaf FindingKind = "leaf-missing"
	// FindingRoot: the leaves up to a checkpoint do not give its root: one was changed, moved or replaced since the
	// checkpoint before.
	FindingRoot FindingKind = "root-differs"
	// FindingNode: a stored subtree is not what its leaves give.
	FindingNode FindingKind = "subtree-differs"
	// FindingCheckpoint: a checkpoint is not signed by the key that was in force, or does not say what was signed.
	FindingCheckpoint FindingKind = "checkpoint-invalid"
	// FindingSequence: checkpoints' numbers, sizes or times do not follow each other.
	FindingSequence FindingKind = "checkpoint-missing"
	// FindingTail: a witness has seen a longer log, or leaves go beyond the last checkpoint.
	FindingTail FindingKind = "tail-cut"
	// FindingForked: a witness has seen another log of the same size.
	FindingForked FindingKind = "log-forked"
	// FindingWitness: a witness could not be asked, or what it has is no checkpoint of the log.
	FindingWitness FindingKind = "witness-failed"
	// FindingWitnessBehind: a witness lacks checkpoints that it should long have: it was not told, or it forgot. What
	// it has not got can be cut off.
	FindingWitnessBehind FindingKind = "witness-behind"
	// FindingUnsealed: there are events, and was never a checkpoint.
	FindingUnsealed FindingKind = "log-unsealed"
	// FindingRecord: a record of a key, of a restore or of the tenant as a whole is gone or not what was signed, or
	// numbers are void by no record.
	FindingRecord FindingKind = "record-invalid"
	// FindingKeyDistrusted: checkpoints are signed by a key that somebody else had, and no witness saw them in time. Only
	// later checkpoints prove their leaves.
	FindingKeyDistrusted FindingKind = "key-distrusted"
	// FindingStale: nothing was sealed for too long.
	FindingStale FindingKind = "checkpoint-stale"
	// FindingHeldBack: a transaction has been open for longer than [Config.LongestTransaction], so that the newest
	// checkpoint cannot say that nothing is outside the log. The detail names it, as far as the login of whoever asks
	// may see it.
	FindingHeldBack FindingKind = "sealing-held-back"
	// FindingPurge: the record of a purge is not what was signed, or not of the leaves that are there; or an event that
	// it purged is there again.
	FindingPurge FindingKind = "purge-invalid"
	// FindingCatalogue: an object of the schema, a right or a role is not what it must be.
	FindingCatalogue FindingKind = "catalogue-differs"
	// FindingCatalogueChanged: checkpoints signed another catalogue for a while: guards were off, and were put back.
	FindingCatalogueChanged FindingKind = "catalogue-changed"
	// FindingCatalogueUnknown: the catalogue is of another schema than this version's and could not be compared:
	// verify by the newest version that runs.
	FindingCatalogueUnknown FindingKind = "catalogue-not-compared"
)

// Finding is one thing that is wrong.
type Finding struct {
	Kind       FindingKind `json:"kind"`
	Event      uuid.UUID   `json:"event"`               // the event's id; nil where it is about none
	RecordedAt time.Time   `json:"recordedAt,omitzero"` // the event's; zero where it is about none
	Index      int64       `json:"index"`               // the first leaf that it is about; -1 where it is about none
	// the first leaf after those that it may be about; Index + 1 where it is about one
	Until  int64  `json:"until"`
	Detail string `json:"detail"` // the checkpoint's number, the witness's name, the object's, the purged month
	// Object is what of the catalogue differs; nil where the finding is about none.
	Object *Difference `json:"object,omitempty"`
}

// LogReport is what [Service.VerifyLog] found.
type LogReport struct {
	Size        int64 `json:"size"`        // leaves
	Checkpoints int64 `json:"checkpoints"` // signed heads
	Unsealed    int64 `json:"unsealed"`    // events that wait to be sealed, as they may
	// leaves whose events were archived and dropped under a signed record
	Purged   int64     `json:"purged"`
	SealedAt time.Time `json:"sealedAt,omitzero"` // of the newest checkpoint, UTC; zero where there is none
	// Restorations are the restores that the log records, oldest first: behind each of them events are lost.
	Restorations []proof.Restoration `json:"restorations"`
	Findings     []Finding           `json:"findings"`  // at most [MaxFindings]
	Truncated    bool                `json:"truncated"` // there were more
	// Delays are the times at which a transaction was open for longer than [Config.LongestTransaction], oldest first; at
	// most [MaxFindings], the newest. They are told for what they are worth: no honest event is a finding for them.
	Delays []Delay `json:"delays"`
	// Catalogue tells of the schema and our roles, and why they could not be compared, if so.
	Catalogue CatalogueReport `json:"catalogue"`
}

// MaxFindings bounds a report: a log that was replaced as a whole differs everywhere.
const MaxFindings = 1000

// Clean tells whether nothing is wrong.
func (r LogReport) Clean() bool { return len(r.Findings) == 0 }

// String tells the verdict, how long the log is, and how many findings there are of each kind, for
// a terminal.
func (r LogReport) String() string {
	counts := map[FindingKind]int64{}
	for _, f := range r.Findings {
		counts[f.Kind]++
	}
	var faults []usecase.Fault
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		faults = append(faults, usecase.Fault{Count: counts[kind], What: string(kind)})
	}
	lookedAt := fmt.Sprintf("%d leaves under %d checkpoints, %d events unsealed", r.Size, r.Checkpoints, r.Unsealed)
	for _, restoration := range r.Restorations {
		lookedAt += fmt.Sprintf("; restored to %s, going on from leaf %d",
			restoration.RestoredTo.UTC().Format(time.RFC3339), restoration.Size)
	}
	if r.Catalogue.NotCompared != "" {
		lookedAt += "; the catalogue was not compared: " + r.Catalogue.NotCompared
	}
	if len(r.Delays) > 0 {
		lookedAt += fmt.Sprintf("; %d times sealing was held back, last by checkpoint %d", len(r.Delays),
			r.Delays[len(r.Delays)-1].Until)
	}
	return usecase.ReportText(r.Clean(), lookedAt, faults...)
}

func (r *LogReport) add(f Finding) {
	if len(r.Findings) >= MaxFindings {
		r.Truncated = true
		return
	}
	r.Findings = append(r.Findings, f)
}

func (r *LogReport) addf(kind FindingKind, detail string) {
	r.add(Finding{Kind: kind, Index: -1, Until: -1, Detail: detail})
}
