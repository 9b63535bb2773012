package audit_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// sealed gives a tenant in a database of its own, with two checkpoints of thirty events, and
// the walls taken down as a superuser can.
func sealed(t *testing.T) *logBench {
	t.Helper()
	b := newLog(t, dbtest.NewOwn(t))
	b.record(t, 15)
	b.seal(t)
	b.record(t, 15)
	b.seal(t)
	require.Empty(t, b.verify(t).Findings)
	b.sql(t, `DO $$ DECLARE r record; BEGIN
		FOR r IN SELECT c.oid::regclass AS t FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
			WHERE n.nspname = 'hms' AND c.relname ~ '^audit_' AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
			EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', r.t);
		END LOOP; END $$`)
	return b
}

// sql runs as superuser, past row-level security and without triggers.
func (b *logBench) sql(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := b.DB.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err)
}

// found gives the findings but those of the disabled triggers, which every attack leaves.
func (b *logBench) found(t *testing.T) []audit.Finding {
	t.Helper()
	var list []audit.Finding
	catalogue := 0
	for _, f := range b.verify(t).Findings {
		if f.Kind == audit.FindingCatalogue {
			catalogue++
			continue
		}
		list = append(list, f)
	}
	require.Positive(t, catalogue, "the disabled triggers are a finding of their own")
	return list
}

// Each attack is an administrator's with every right but the signing key. What betrays it
// says which event, where that can be known.
func TestService_VerifyLogFindsAttacks(t *testing.T) {
	t.Parallel()
	at := func(index string) string {
		return ` (e.recorded_at, e.id) = (SELECT recorded_at, event_id FROM hms.audit_leaf WHERE leaf_index = ` + index + `)`
	}
	for name, tt := range map[string]struct {
		attack []string
		kind   audit.FindingKind
		index  int64 // of the leaf that the first finding is about; -1 for none
	}{
		"EventEdited":       {[]string{`UPDATE hms.audit_event AS e SET actor = 'human:somebody else' WHERE` + at("7")}, audit.FindingEdited, 7},
		"EventsTimeEdited":  {[]string{`UPDATE hms.audit_event AS e SET recorded_at = recorded_at - interval '1 second' WHERE` + at("7")}, audit.FindingRemoved, 7},
		"ReaderWipedOut":    {[]string{`UPDATE hms.audit_event AS e SET patient_id = gen_random_uuid() WHERE` + at("3")}, audit.FindingEdited, 3},
		"SaltEdited":        {[]string{`UPDATE hms.audit_event AS e SET salt = '\x00' WHERE` + at("3")}, audit.FindingEdited, 3},
		"EventRemoved":      {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12")}, audit.FindingRemoved, 12},
		"EventAndLeafGone":  {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12"), `DELETE FROM hms.audit_leaf WHERE leaf_index = 12`}, audit.FindingLeaf, 12},
		"LeavesMovedUp":     {[]string{`DELETE FROM hms.audit_event AS e WHERE` + at("12"), `DELETE FROM hms.audit_leaf WHERE leaf_index = 12`, `UPDATE hms.audit_leaf SET leaf_index = leaf_index + 1000 WHERE leaf_index > 12`, `UPDATE hms.audit_leaf SET leaf_index = leaf_index - 1001 WHERE leaf_index > 1000`}, audit.FindingRoot, 12},
		"Reordered":         {[]string{`UPDATE hms.audit_leaf SET leaf_index = 1000 WHERE leaf_index = 4`, `UPDATE hms.audit_leaf SET leaf_index = 4 WHERE leaf_index = 5`, `UPDATE hms.audit_leaf SET leaf_index = 5 WHERE leaf_index = 1000`}, audit.FindingRoot, 4},
		"LeafForgedToMatch": {[]string{`UPDATE hms.audit_event AS e SET entity_id = 'x' WHERE` + at("2"), `UPDATE hms.audit_leaf SET hash = decode(repeat('ab', 32), 'hex') WHERE leaf_index = 2`}, audit.FindingEdited, 2},
		"BackDatedEvent": {[]string{`INSERT INTO hms.audit_event (tenant_id, recorded_at, actor, action, entity, entity_id, operation, request_id, purpose)
			SELECT tenant_id, recorded_at - interval '1 day', actor, action, entity, entity_id, operation, request_id, purpose FROM hms.audit_event AS e WHERE` + at("2")}, audit.FindingInserted, -1},
		"TailCut":             {[]string{`DELETE FROM hms.audit_event AS e WHERE (e.recorded_at, e.id) IN (SELECT recorded_at, event_id FROM hms.audit_leaf WHERE leaf_index >= 25)`, `DELETE FROM hms.audit_leaf WHERE leaf_index >= 25`}, audit.FindingTail, -1},
		"TailAndHeadsCut":     {[]string{`DELETE FROM hms.audit_leaf WHERE leaf_index >= (SELECT min(size) FROM hms.audit_checkpoint)`, `DELETE FROM hms.audit_checkpoint WHERE number > 1`}, audit.FindingTail, -1},
		"EverythingGone":      {[]string{`DELETE FROM hms.audit_leaf`, `DELETE FROM hms.audit_checkpoint`, `DELETE FROM hms.audit_event`}, audit.FindingTail, -1},
		"CheckpointMissing":   {[]string{`DELETE FROM hms.audit_checkpoint WHERE number = 1`}, audit.FindingSequence, -1},
		"CheckpointEdited":    {[]string{`UPDATE hms.audit_checkpoint SET sealed_at = sealed_at - interval '1 day' WHERE number = 1`}, audit.FindingCheckpoint, -1},
		"SignatureForged":     {[]string{`UPDATE hms.audit_checkpoint SET note = replace(note, '— hms.test ', '— hms.test A') WHERE number = 2`}, audit.FindingCheckpoint, -1},
		"LeafWithoutSigner":   {[]string{`INSERT INTO hms.audit_leaf SELECT tenant_id, leaf_index + 1, gen_random_uuid(), recorded_at, hash FROM hms.audit_leaf ORDER BY leaf_index DESC LIMIT 1`}, audit.FindingTail, -2},
		"AuditTriggerDropped": {[]string{`DROP TRIGGER user_account_audit_update ON hms.user_account`}, "", 0},
		"RightGranted":        {[]string{`GRANT DELETE ON hms.audit_event TO hms_app`}, "", 0},
		"PolicySwitchedOff":   {[]string{`ALTER TABLE hms.user_account NO FORCE ROW LEVEL SECURITY`}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := sealed(t)
			before := len(b.verify(t).Findings)
			for _, statement := range tt.attack {
				b.sql(t, statement)
			}
			if tt.kind == "" {
				require.Len(t, b.verify(t).Findings, before+1, "a finding of the catalogue")
				return
			}
			found := b.found(t)
			require.NotEmpty(t, found)
			kinds := map[audit.FindingKind]audit.Finding{}
			for _, f := range found {
				if _, ok := kinds[f.Kind]; !ok {
					kinds[f.Kind] = f
				}
			}
			require.Contains(t, kinds, tt.kind)
			if tt.index >= -1 {
				first := kinds[tt.kind]
				if tt.kind == audit.FindingRoot { // that a leaf moved is known up to the checkpoint before it
					require.LessOrEqual(t, first.Index, tt.index)
					require.Greater(t, first.Until, tt.index)
					return
				}
				require.Equal(t, tt.index, first.Index)
			}
		})
	}
}

// Whoever has the signing key too can write a log that is consistent in itself; a witness who
// saw the other one tells.
func TestService_VerifyLogFindsAFork(t *testing.T) {
	t.Parallel()
	b := sealed(t)
	b.sql(t, `UPDATE hms.audit_event SET actor = 'human:nobody' WHERE action = 'read'`)
	b.sql(t, `TRUNCATE hms.audit_leaf, hms.audit_node, hms.audit_checkpoint`)
	alone := b.config
	alone.Witnesses = nil
	forger := &logBench{Env: b.Env, config: alone, s: audit.New(b.Base, alone), public: b.public}
	forger.seal(t)
	report := forger.verify(t)
	for _, f := range report.Findings {
		require.Equal(t, audit.FindingCatalogue, f.Kind, "without the witness the forgery is perfect")
	}
	for {
		sealed, err := forger.s.Seal(b.Ctx, audit.SealInput{})
		require.NoError(t, err)
		if sealed.Sealed == 0 {
			break
		}
	}
	found := b.found(t)
	require.NotEmpty(t, found)
	require.Equal(t, audit.FindingForked, found[0].Kind)
	published, err := b.s.Seal(b.Ctx, audit.SealInput{})
	require.NoError(t, err)
	require.ErrorIs(t, published.Failed["file"], audit.ErrForked, "and the witness refuses to go along")
}

// A sealer that meets a log which is not what was signed adds nothing to it.
func TestService_SealRefusesADamagedLog(t *testing.T) {
	t.Parallel()
	for name, attack := range map[string]string{
		"Leaf":       `UPDATE hms.audit_leaf SET hash = decode(repeat('00', 32), 'hex') WHERE leaf_index = 20`,
		"LeafGone":   `DELETE FROM hms.audit_leaf WHERE leaf_index = 20`,
		"Checkpoint": `UPDATE hms.audit_checkpoint SET size = size + 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := sealed(t)
			b.sql(t, attack)
			_, err := b.s.Seal(b.Ctx, audit.SealInput{})
			require.ErrorIs(t, err, audit.ErrLogDamaged)
		})
	}
	t.Run("RestoredTransactionIDs", func(t *testing.T) { // the server that we came from had counted further
		t.Parallel()
		b := sealed(t)
		b.sql(t, `UPDATE hms.audit_checkpoint SET watermark = '4000000000000'`)
		b.record(t, 5)
		before := b.seal(t)
		require.Positive(t, before.Sealed)
		b.record(t, 5)
		require.Equal(t, before.Checkpoint.Size+5, b.seal(t).Checkpoint.Size, "and the next step is an ordinary one")
	})
	t.Run("AnotherKey", func(t *testing.T) {
		t.Parallel()
		b := sealed(t)
		secret, public, err := note.GenerateKey(rand.Reader, "hms.test")
		require.NoError(t, err)
		signer, err := note.NewSigner(secret)
		require.NoError(t, err)
		b.config.Signer, b.config.Verifiers = signer, []string{public}
		_, err = audit.New(b.Base, b.config).Seal(b.Ctx, audit.SealInput{})
		require.ErrorIs(t, err, audit.ErrLogDamaged)
		b.config.Verifiers = append(b.config.Verifiers, b.public) // a change of keys, as it should be
		rotated := &logBench{Env: b.Env, config: b.config, s: audit.New(b.Base, b.config)}
		_, err = rotated.s.Seal(b.Ctx, audit.SealInput{})
		require.NoError(t, err)
	})
}

func TestService_ProveEvent(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 600)
	b.seal(t)
	list, err := b.s.ListEvents(b.Ctx, audit.ListEventsInput{Entity: "test"})
	require.NoError(t, err)
	for _, e := range list.Items[:10] {
		bundle, err := b.s.ProveEvent(b.Ctx, e.ID)
		require.NoError(t, err)
		wire, err := json.Marshal(bundle)
		require.NoError(t, err)
		var received proof.Bundle
		require.NoError(t, json.Unmarshal(wire, &received))
		checkpoint, err := audit.VerifyProof(received, b.public)
		require.NoError(t, err)
		require.Equal(t, "hms.test/trail/"+b.Tenant.String(), checkpoint.Origin)
		require.Equal(t, e.ID.String(), received.Items[0].Event.ID)
		received.Items[0].Event.Actor = "human:somebody else"
		_, err = audit.VerifyProof(received, b.public)
		require.ErrorIs(t, err, proof.ErrProof)
	}
	newest, err := b.s.ListEvents(b.Ctx, audit.ListEventsInput{Actions: []audit.Action{audit.ActionExport}})
	require.NoError(t, err)
	require.Len(t, newest.Items, 10, "each proof that was handed out is on the trail")
	_, err = b.s.ProveEvent(b.Ctx, newest.Items[0].ID)
	require.ErrorIs(t, err, audit.ErrNotSealed)
	other := newLog(t, dbtest.New(t))
	_, err = other.s.ProveEvent(other.Ctx, list.Items[0].ID)
	require.ErrorContains(t, err, "not found", "another tenant's")
}

func TestService_ProvePatient(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	who, other := hmstype.NewID[hmstype.PatientID](), hmstype.NewID[hmstype.PatientID]()
	for range 5 {
		require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "patient", Patient: who}, dbx.Access{Action: "read", Entity: "patient", Patient: other})
		}))
	}
	b.seal(t)
	var proved int
	in := audit.ProvePatientInput{Patient: who, Limit: 2}
	for {
		out, err := b.s.ProvePatient(b.Ctx, in)
		require.NoError(t, err)
		_, err = audit.VerifyProof(out.Bundle, b.public)
		require.NoError(t, err)
		for _, item := range out.Bundle.Items {
			require.Equal(t, who.String(), item.Event.Patient, "nobody else's")
			proved++
		}
		if out.Next == 0 {
			break
		}
		in.After = out.Next
	}
	require.Equal(t, 5, proved)
	exports, err := b.s.ListEvents(b.Ctx, audit.ListEventsInput{Patient: who, Actions: []audit.Action{audit.ActionExport}})
	require.NoError(t, err)
	require.Len(t, exports.Items, 3, "each bundle that was handed out is on the trail of the patient")
}
