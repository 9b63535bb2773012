package sealed_test

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// unguarded gives a tenant in a database of its own, with the trail's guards taken off as a superuser can.
func unguarded(t *testing.T) *logBundle {
	t.Helper()
	b := newLog(t, dbtest.NewOwn(t))
	b.unguard(t)
	return b
}

func (b *logBundle) unguard(t *testing.T) {
	t.Helper()
	b.sql(t, `DO $$ DECLARE r record; BEGIN
		FOR r IN SELECT c.oid::regclass AS t FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			WHERE n.nspname = 'hms' AND c.relname ~ '^audit_' AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
			EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', r.t);
		END LOOP; END $$`)
}

// sealedTwice writes thirty events and two checkpoints.
func (b *logBundle) sealedTwice(t *testing.T) *logBundle {
	t.Helper()
	for range 2 {
		b.record(t, 15)
		b.seal(t)
	}
	return b
}

// attacked gives a tenant in a database of its own, with two checkpoints of thirty events, and the guards taken off.
func attacked(t *testing.T) *logBundle {
	t.Helper()
	b := newLog(t, dbtest.NewOwn(t)).sealedTwice(t)
	require.Empty(t, b.verify(t).Findings)
	b.unguard(t)
	return b
}

// attack runs statements as the tables' owner, on the rows of the tenant alone.
func (b *logBundle) attack(t *testing.T, statements ...string) {
	t.Helper()
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		for _, statement := range append([]string{`SET LOCAL ROLE hms_owner`}, statements...) {
			if _, err := db.Exec(ctx, statement); err != nil {
				return err
			}
		}
		return nil
	}))
}

// sql runs as superuser, past row-level security and without triggers.
func (b *logBundle) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := b.DB.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// found gives the findings but those of the disabled triggers, which every attack leaves.
func (b *logBundle) found(t *testing.T) []sealed.Finding {
	t.Helper()
	var list []sealed.Finding
	catalogue := 0
	for _, f := range b.verify(t).Findings {
		if f.Kind == sealed.FindingCatalogue {
			catalogue++
			continue
		}
		list = append(list, f)
	}
	require.Positive(t, catalogue, "the disabled triggers are a finding of their own")
	return list
}

// Each attack is an administrator's with every right but the signing key. What betrays it
// says which event, where that can be known. Each befalls another tenant of one database, and no other's log shows it.
func TestService_VerifyLogFindsAttacks(t *testing.T) {
	t.Parallel()
	home := unguarded(t).sealedTwice(t)
	at := func(index string) string {
		return ` (e.recorded_at, e.id) = (SELECT recorded_at, event_id FROM hms.audit_leaf WHERE leaf_index = ` + index + `)`
	}
	attacks := map[string]struct {
		attack []string
		kind   sealed.FindingKind
		index  int64 // of the leaf that the first finding is about; -1 for none
	}{
		"EventEdited": {[]string{`UPDATE hms.audit_event AS e SET actor = 'human:somebody else' WHERE` + at("7")},
			sealed.FindingEdited, 7},
		"EventsTimeEdited": {[]string{`UPDATE hms.audit_event AS e SET recorded_at = recorded_at - interval '1 second'
			WHERE` + at("7")}, sealed.FindingRemoved, 7},
		"ReaderWipedOut": {[]string{`UPDATE hms.audit_event AS e SET patient_id = gen_random_uuid() WHERE` + at("3")},
			sealed.FindingEdited, 3},
		"SaltEdited": {[]string{`UPDATE hms.audit_event AS e SET salt = '\x00' WHERE` + at("3")}, sealed.FindingEdited,
			3},
		"EventRemoved": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12")}, sealed.FindingRemoved, 12},
		"EventAndLeafGone": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12"),
			`DELETE FROM hms.audit_leaf WHERE leaf_index = 12`}, sealed.FindingLeaf, 12},
		"LeavesMovedUp": {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12"),
			`DELETE FROM hms.audit_leaf WHERE leaf_index = 12`,
			`UPDATE hms.audit_leaf SET leaf_index = leaf_index + 1000 WHERE leaf_index > 12`,
			`UPDATE hms.audit_leaf SET leaf_index = leaf_index - 1001 WHERE leaf_index > 1000`}, sealed.FindingRoot, 12},
		"Reordered": {[]string{`UPDATE hms.audit_leaf SET leaf_index = 1000 WHERE leaf_index = 4`,
			`UPDATE hms.audit_leaf SET leaf_index = 4 WHERE leaf_index = 5`,
			`UPDATE hms.audit_leaf SET leaf_index = 5 WHERE leaf_index = 1000`}, sealed.FindingRoot, 4},
		"LeafForgedToMatch": {[]string{`UPDATE hms.audit_event AS e SET entity_id = 'x' WHERE` + at("2"),
			`UPDATE hms.audit_leaf SET hash = decode(repeat('ab', 32), 'hex') WHERE leaf_index = 2`}, sealed.FindingEdited, 2},
		"BackDatedEvent": {[]string{`INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id,
			operation, request_id, purpose)
			SELECT tenant_id, recorded_at - interval '1 day', actor, action, entity, entity_id, operation, request_id, purpose
				FROM hms.audit_event AS e WHERE` + at("2")}, sealed.FindingInserted, -1},
		"TailCut": {[]string{`DELETE FROM hms.audit_event AS e
			WHERE (e.recorded_at, e.id) IN (SELECT recorded_at, event_id FROM hms.audit_leaf WHERE leaf_index >= 25)`, `DELETE
				FROM hms.audit_leaf WHERE leaf_index >= 25`}, sealed.FindingTail, -1},
		"TailAndHeadsCut": {[]string{`DELETE FROM hms.audit_leaf WHERE leaf_index >= (SELECT min(size)
			FROM hms.audit_checkpoint)`, `DELETE FROM hms.audit_checkpoint WHERE number > 1`}, sealed.FindingTail, -1},
		"EverythingGone": {[]string{`DELETE FROM hms.audit_leaf`, `DELETE FROM hms.audit_checkpoint`,
			`DELETE FROM hms.audit_event`}, sealed.FindingTail, -1},
		"CheckpointMissing": {[]string{`DELETE FROM hms.audit_checkpoint WHERE number = 1`}, sealed.FindingSequence, -1},
		"CheckpointEdited": {[]string{`UPDATE hms.audit_checkpoint SET sealed_at = sealed_at - interval '1 day'
			WHERE number = 1`}, sealed.FindingCheckpoint, -1},
		"SignatureForged": {[]string{`UPDATE hms.audit_checkpoint SET note = replace(note, '— hms.test ', '— hms.test A')
			WHERE number = 2`}, sealed.FindingCheckpoint, -1},
		"LeafWithoutSigner": {[]string{`INSERT INTO hms.audit_leaf
			SELECT tenant_id, leaf_index + 1, gen_random_uuid(), recorded_at, hash FROM hms.audit_leaf ORDER BY leaf_index DESC
				LIMIT 1`}, sealed.FindingTail, -2},
	}
	t.Run("Each", func(t *testing.T) {
		for name, tt := range attacks {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				b := home.sibling(t).sealedTwice(t)
				b.attack(t, tt.attack...)
				found := b.found(t)
				require.NotEmpty(t, found)
				first := firstOf(found)
				require.Contains(t, first, tt.kind)
				switch {
				case tt.index < -1:
				case tt.kind == sealed.FindingRoot: // that a leaf moved is known up to the checkpoint before it
					require.LessOrEqual(t, first[tt.kind].Index, tt.index)
					require.Greater(t, first[tt.kind].Until, tt.index)
				default:
					require.Equal(t, tt.index, first[tt.kind].Index)
				}
			})
		}
	})
	require.Empty(t, home.found(t))
}

// An old event that somebody inserts is none of the log's; one that a sealer then takes in stays back-dated.
func TestService_VerifyLogFindsWhatWasBackDatedAndSealed(t *testing.T) {
	t.Parallel()
	b := unguarded(t).sealedTwice(t)
	b.attack(t, `INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id, operation,
		request_id, purpose)
		SELECT tenant_id, recorded_at - interval '1 day', actor, action, entity, entity_id, operation, request_id, purpose
			FROM hms.audit_event ORDER BY recorded_at LIMIT 1`)
	require.Contains(t, firstOf(b.found(t)), sealed.FindingInserted)
	b.seal(t)
	require.Contains(t, firstOf(b.found(t)), sealed.FindingBackDated)
}

// A change of the catalogue is one finding more.
func TestService_VerifyLogFindsChangesOfTheCatalogue(t *testing.T) {
	t.Parallel()
	b := unguarded(t).sealedTwice(t)
	before := len(b.verify(t).Findings)
	for i, statement := range []string{
		`DROP TRIGGER user_account_audit_update ON hms.user_account`,
		`GRANT DELETE ON hms.audit_event TO hms_app`,
		`ALTER TABLE hms.user_account NO FORCE ROW LEVEL SECURITY`,
	} {
		b.sql(t, statement)
		require.Len(t, b.verify(t).Findings, before+i+1, statement)
	}
}

// firstOf gives the first finding of each kind.
func firstOf(found []sealed.Finding) map[sealed.FindingKind]sealed.Finding {
	first := map[sealed.FindingKind]sealed.Finding{}
	for _, f := range found {
		if _, ok := first[f.Kind]; !ok {
			first[f.Kind] = f
		}
	}
	return first
}

// Whoever has the signing key too can write a log that is consistent in itself; a witness who
// saw the other one tells.
func TestService_VerifyLogFindsAFork(t *testing.T) {
	t.Parallel()
	b := attacked(t)
	b.sql(t, `UPDATE hms.audit_event SET actor = 'human:nobody' WHERE action = 'read'`)
	b.sql(t, `TRUNCATE hms.audit_leaf, hms.audit_node, hms.audit_checkpoint`)
	alone := b.config
	alone.Witnesses = nil
	forger := &logBundle{Env: b.Env, config: alone, s: newService(b.Base, alone), public: b.public}
	forger.seal(t)
	report := forger.verify(t)
	for _, f := range report.Findings {
		require.Equal(t, sealed.FindingCatalogue, f.Kind, "without the witness the forgery is perfect")
	}
	for {
		step, err := forger.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
		if step.Sealed == 0 {
			break
		}
	}
	found := b.found(t)
	require.NotEmpty(t, found)
	require.Equal(t, sealed.FindingForked, found[0].Kind)
	published, err := b.s.Seal(b.Ctx, sealed.SealInput{})
	require.NoError(t, err)
	require.ErrorIs(t, published.Failed["file"], sealed.ErrForked, "and the witness refuses to go along")
}

// A sealer that meets a log which is not what was signed adds nothing to it.
func TestService_SealRefusesADamagedLog(t *testing.T) {
	t.Parallel()
	home := unguarded(t)
	for name, attack := range map[string]string{
		"Leaf":       `UPDATE hms.audit_leaf SET hash = decode(repeat('00', 32), 'hex') WHERE leaf_index = 20`,
		"LeafGone":   `DELETE FROM hms.audit_leaf WHERE leaf_index = 20`,
		"Checkpoint": `UPDATE hms.audit_checkpoint SET size = size + 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := home.sibling(t).sealedTwice(t)
			b.attack(t, attack)
			_, err := b.s.Seal(b.Ctx, sealed.SealInput{})
			require.ErrorIs(t, err, sealed.ErrLogDamaged)
		})
	}
	t.Run("RestoredTransactionIDs", func(t *testing.T) { // the server that we came from had counted further
		t.Parallel()
		b := home.sibling(t).sealedTwice(t)
		b.attack(t, `UPDATE hms.audit_checkpoint SET xid = '4000000000000'`)
		b.record(t, 5)
		before := b.seal(t)
		require.Positive(t, before.Sealed)
		b.record(t, 5)
		require.Equal(t, before.Checkpoint.Size+5, b.seal(t).Checkpoint.Size, "and the next step is an ordinary one")
	})
	t.Run("AnotherKey", func(t *testing.T) {
		t.Parallel()
		b := home.sibling(t).sealedTwice(t)
		secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
		require.NoError(t, err)
		signer, err := note.NewSigner(secret)
		require.NoError(t, err)
		b.config.Signer, b.config.Verifiers = signer, []string{public}
		_, err = newService(b.Base, b.config).Seal(b.Ctx, sealed.SealInput{})
		require.ErrorIs(t, err, sealed.ErrLogDamaged)
		b.config.Verifiers = append(b.config.Verifiers, b.public) // a change of keys, as it should be
		rotated := &logBundle{Env: b.Env, config: b.config, s: newService(b.Base, b.config)}
		_, err = rotated.s.Seal(b.Ctx, sealed.SealInput{})
		require.NoError(t, err)
	})
}
