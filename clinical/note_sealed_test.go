package clinical_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// What a clinician writes is nowhere in the database in clear, nor is the hash by which it
// could be guessed; and it stays readable when the host no longer seals new notes.
func TestNote_Sealed(t *testing.T) {
	t.Parallel()
	b := setup(t) // seals the narrative
	e := b.open(t, clinical.ClassAmbulatory)
	body := clinical.NoteBody{
		ChiefComplaint: "canary complaint", HistoryOfPresentIllness: "canary history",
		PhysicalExamination: "canary examination",
		Assessment:          "canary assessment", Plan: "canary plan",
	}
	draft, err := b.WriteNote(b.Ctx, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: body, IdempotencyKey: "note"})
	require.NoError(t, err)
	signed, err := b.SignNote(b.Ctx, draft.ID)
	require.NoError(t, err)
	require.Equal(t, body, signed.NoteBody)
	require.Len(t, signed.Hash, 64)

	for table, query := range map[string]string{
		"clinical_note": `SELECT count(*) FROM hms.clinical_note AS t WHERE t.tenant_id = ?
			AND (t::text LIKE '%canary%' OR t::text LIKE ?)`,
		"audit_event": `SELECT count(*) FROM hms.audit_event AS t WHERE t.tenant_id = ?
			AND (t::text LIKE '%canary%' OR t::text LIKE ?)`,
		"outbox": `SELECT count(*) FROM hms.outbox AS t WHERE t.tenant_id = ?
			AND (t::text LIKE '%canary%' OR t::text LIKE ?)`,
		"idempotency_key": `SELECT count(*) FROM hms.idempotency_key AS t WHERE t.tenant_id = ?
			AND (t::text LIKE '%canary%' OR t::text LIKE ?)`,
	} {
		require.Zero(t, dbtest.Scalar[int](t, b.Env, query, b.Tenant, "%"+signed.Hash+"%"), table)
	}

	base := b.Base
	base.Crypt = fieldcrypt.New(b.Key) // without narrative
	plain := clinical.New(base, clinical.Ports{Patients: patient.NewPort(base)})
	read, err := plain.GetNote(b.Ctx, signed.ID)
	require.NoError(t, err)
	require.Equal(t, signed, read)
	_, err = plain.WriteNote(b.Ctx, clinical.WriteNoteInput{
		Encounter: e.ID, NoteBody: clinical.NoteBody{Plan: "open plan"},
	})
	require.ErrorIs(t, err, fieldcrypt.ErrMustSeal, "what was sealed from the first note on is not written in clear")
	list, err := b.ListEncounterNotes(b.Ctx, e.ID)
	require.NoError(t, err)
	require.Equal(t, []clinical.Note{signed}, list)
}
