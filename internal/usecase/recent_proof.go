package usecase

import (
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// RequireRecentProof refuses a person who has not proved within [hmstype.RecentProof] who he is:
// [hmstype.ErrProofRequired]. It is asked of people: a program has nothing else than its key, and the
// host's own actor nothing to prove. What always needs it says so in its declaration; a rule calls this
// where the input decides.
func RequireRecentProof(db dbx.DB) error {
	if db.Actor.Kind == hmstype.ActorHuman && !db.Actor.ProvedRecently(db.Now) {
		return hmstype.ErrProofRequired
	}
	return nil
}
