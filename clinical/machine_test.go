package clinical_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

// machine is a state machine with the SQL that puts a row into any of its states and
// takes it to any other, past the service.
type machine struct {
	states []string
	pairs  []string
	insert string            // id, status and the row's number are its arguments
	set    map[string]string // what a state needs beside its name
}

func pairsOf[S ~string](m hmstype.Transitions[S]) (states, pairs []string) {
	for _, s := range m.States() {
		states = append(states, string(s))
	}
	return states, m.Pairs()
}

func machines(b *bundle, e clinical.Encounter) map[string]machine {
	common := fmt.Sprintf(`'%s', ?0, '%s'`, b.Tenant, b.patient)
	out := map[string]machine{}
	add := func(table string, states, pairs []string, columns, values string, set map[string]string) {
		out[table] = machine{states: states, pairs: pairs, set: set, insert: fmt.Sprintf(
			`INSERT INTO hms.%s (tenant_id, id, patient_id, status, %s) VALUES (%s, ?1, %s)`, table, columns, common, values)}
	}
	states, pairs := pairsOf(clinical.EncounterTransitions)
	add("encounter", states, pairs, "practitioner_id, class, started_at, ended_at, disposition, created_at, created_by",
		fmt.Sprintf(`'%s', 'AMB', now(), now(), 'home', now(), 'system:x'`, b.doctor), nil)
	states, pairs = pairsOf(clinical.NoteTransitions)
	add(
		"clinical_note",
		states,
		pairs,
		"encounter_id, created_by, signed_at, body_hash, error_reason, created_at",
		fmt.Sprintf(`'%s', 'system:x', CASE WHEN ?1 = 'signed' THEN now() END,
			CASE WHEN ?1 = 'signed' THEN 'hms1:h' ELSE '' END,
			CASE WHEN ?1 = 'entered-in-error' THEN 'r' ELSE '' END, now()`, e.ID),
		map[string]string{
			"signed":           `, signed_at = now(), body_hash = 'hms1:h', error_reason = ''`,
			"entered-in-error": `, error_reason = 'r'`,
		},
	)
	states, pairs = pairsOf(clinical.VitalsTransitions)
	add("vitals", states, pairs, "encounter_id, taken_at, created_by, error_reason, created_at",
		fmt.Sprintf(`'%s', now(), 'x', CASE WHEN ?1 = 'entered-in-error' THEN 'r' ELSE '' END, now()`, e.ID),
		map[string]string{"entered-in-error": `, error_reason = 'r'`, "final": `, error_reason = ''`})
	states, pairs = pairsOf(clinical.ConditionTransitions)
	add(
		"condition",
		states,
		pairs,
		"code_display, verification_status, created_at, created_by",
		`'Asthma', 'confirmed', now(), 'system:x'`,
		nil,
	)
	states, pairs = pairsOf(clinical.AllergyTransitions)
	add(
		"allergy",
		states,
		pairs,
		"substance_display, substance_key, criticality, verification_status, created_at, created_by",
		`'Latex', 'latex ' || ?2, 'low', 'confirmed', now(), 'system:x'`,
		nil,
	)
	states, pairs = pairsOf(clinical.PrescriptionTransitions)
	verdict, err := json.Marshal(hmstype.NoVerdict(dbtest.Start, hmstype.GapNoSource))
	if err != nil {
		panic(err)
	}
	add(
		"prescription",
		states,
		pairs,
		"encounter_id, medication_name, unit, dosage, frequency, duration, quantity, refills_allowed, valid_until, "+
			"stop_reason, verdict, created_by, created_at",
		fmt.Sprintf(`'%s', 'A', 'tablet', '1', '1', '1', 1, 0, current_date, 'r', '%s', 'system:x', now()`, e.ID, verdict),
		nil,
	)
	return out
}

// TestTransitions_EveryPair walks every pair of states of every machine in the database:
// it allows exactly what the table in Go does, for the superuser too.
func TestTransitions_EveryPair(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for table, m := range machines(b, b.open(t, clinical.ClassAmbulatory)) {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			allowed := map[string]bool{}
			for _, p := range m.pairs {
				allowed[p] = true
			}
			n := 0
			for _, from := range m.states {
				for _, to := range m.states {
					if from == to {
						continue
					}
					n++
					id := hmstype.NewID[hmstype.NoteID]()
					_, err := b.DB.NewRaw(m.insert, id, from, n).Exec(t.Context())
					require.NoError(t, err, "%s", from)
					step := `UPDATE hms.` + table + ` SET status = ?` + m.set[to] + ` WHERE tenant_id = ? AND id = ?`
					_, err = b.DB.NewRaw(step, to, b.Tenant, id).Exec(t.Context())
					if allowed[from+">"+to] {
						require.NoError(t, err, "%s>%s", from, to)
					} else {
						require.Contains(t, []string{"HM001", "HM002"}, dbx.SQLState(err), "%s>%s", from, to)
					}
				}
			}
			require.Equal(t, len(m.states)*(len(m.states)-1), n)
		})
	}
}

// TestGuards tries by SQL, as superuser, what must never be.
func TestGuards(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassInpatient)
	moved, err := b.OpenEncounter(b.Ctx, clinical.OpenEncounterInput{
		Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassAmbulatory, Status: clinical.EncounterArrived,
	})
	require.NoError(t, err)
	_, err = b.MoveEncounter(b.Ctx, clinical.MoveEncounterInput{ID: moved.ID, Status: clinical.EncounterTriaged})
	require.NoError(t, err)
	vitals, err := b.RecordVitals(
		b.Ctx, clinical.RecordVitalsInput{Encounter: e.ID, Measurements: clinical.Measurements{PulsePerMinute: new(70)}},
	)
	require.NoError(t, err)
	rx, err := b.Prescribe(b.Ctx, clinical.PrescribeInput{
		Encounter: e.ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: "Paracetamol", Unit: "tablet", Dosage: "1", Frequency: "1", Duration: "1", Quantity: 10,
			RefillsAllowed: 1,
		},
	})
	require.NoError(t, err)
	_, err = b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Latex"}},
	})
	require.NoError(t, err)
	other := b.newPatient(t)
	for name, tt := range map[string]struct {
		state string
		query string
		args  []any
	}{
		"SecondInpatient": {"23505", `INSERT INTO hms.encounter SELECT tenant_id, gen_random_uuid(), patient_id,
			practitioner_id, NULL, class, status, started_at, NULL, '', '', '', '', created_at, created_by, 1
			FROM hms.encounter WHERE id = ?`, []any{e.ID}},
		"FinishedOpen":   {"23514", `UPDATE hms.encounter SET status = 'finished' WHERE id = ?`, []any{e.ID}},
		"HistoryChanged": {"HM002", `UPDATE hms.encounter_status SET reason = 'x' WHERE entity_id = ?`, []any{moved.ID}},
		"HistoryRemoved": {"HM002", `DELETE FROM hms.encounter_status WHERE entity_id = ?`, []any{moved.ID}},
		"EndUntold": {"23514", `INSERT INTO hms.encounter_status (tenant_id, entity_id, version, from_status, to_status,
				stepped_at, stepped_by)
			SELECT tenant_id, id, 9, 'arrived', 'cancelled', now(), 'system:x' FROM hms.encounter WHERE id = ?`, []any{e.ID}},
		"VitalsRewritten":   {"HM002", `UPDATE hms.vitals SET pulse_per_minute = 71 WHERE id = ?`, []any{vitals.ID}},
		"VitalsErrorUntold": {"23514", `UPDATE hms.vitals SET status = 'entered-in-error' WHERE id = ?`, []any{vitals.ID}},
		"NoneKnownBeside": {"23P01", `INSERT INTO hms.allergy (tenant_id, id, patient_id, none_known, criticality, status,
				verification_status, created_at, created_by)
			VALUES (?, gen_random_uuid(), ?, true, 'low', 'active', 'confirmed', now(), 'system:x')`,
			[]any{b.Tenant, b.patient}},
		"SubstanceTwice": {"23505", `INSERT INTO hms.allergy (tenant_id, id, patient_id, substance_display, substance_key,
				criticality, status, verification_status, created_at, created_by)
			VALUES (?, gen_random_uuid(), ?, 'LATEX', 'latex', 'low', 'active', 'confirmed', now(), 'system:x')`,
			[]any{b.Tenant, b.patient}},
		"OverDispensed":  {"23514", `UPDATE hms.prescription SET dispensed_quantity = 21 WHERE id = ?`, []any{rx.ID}},
		"UnderDispensed": {"23514", `UPDATE hms.prescription SET dispensed_quantity = -1 WHERE id = ?`, []any{rx.ID}},
		"CancelledDispensed": {"23514", `UPDATE hms.prescription SET status = 'cancelled', stop_reason = 'x',
			dispensed_quantity = 1 WHERE id = ?`, []any{rx.ID}},
		"OthersEncounter": {"HM002", `UPDATE hms.prescription SET patient_id = ? WHERE id = ?`, []any{other, rx.ID}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := b.DB.NewRaw(tt.query, tt.args...).Exec(t.Context())
			require.Equal(t, tt.state, dbx.SQLState(err), "%v", err)
			require.NotEqual(t, hmstype.KindInternal, hmstype.KindOf(dbx.Map(err)))
		})
	}
}

// TestTenantIsolation asks for everything of another tenant by its id.
func TestTenantIsolation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	a, err := b.calendar.Book(b.Ctx, scheduling.BookInput{
		Patient: b.patient, Practitioner: b.doctor, Period: b.at(time.Hour, 2*time.Hour),
	})
	require.NoError(t, err)
	note, err := b.WriteNote(b.Ctx, clinical.WriteNoteInput{Encounter: e.ID, NoteBody: clinical.NoteBody{Plan: "rest"}})
	require.NoError(t, err)
	ctx := dbtest.New(t).Ctx
	for name, err := range map[string]error{
		"OpenEncounter": second(b.OpenEncounter(ctx, clinical.OpenEncounterInput{
			Appointment: a.ID, Class: clinical.ClassAmbulatory,
		})),
		"GetEncounter":           second(b.GetEncounter(ctx, e.ID)),
		"EncounterHistory":       second(b.GetEncounterHistory(ctx, e.ID)),
		"EncounterNotes":         second(b.ListEncounterNotes(ctx, e.ID)),
		"EncounterPrescriptions": second(b.ListEncounterPrescriptions(ctx, e.ID)),
		"FinishEncounter": second(b.FinishEncounter(ctx, clinical.FinishEncounterInput{
			ID: e.ID, EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
		})),
		"GetNote":  second(b.GetNote(ctx, note.ID)),
		"SignNote": second(b.SignNote(ctx, note.ID)),
		"RecordVitals": second(b.RecordVitals(ctx, clinical.RecordVitalsInput{
			Encounter: e.ID, Measurements: clinical.Measurements{PainScore: new(1)},
		})),
		"RecordAllergy": second(b.RecordAllergy(ctx, clinical.RecordAllergyInput{
			Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
		})),
	} {
		require.ErrorIs(t, err, hmstype.ErrNotFound, name)
	}
	list, err := b.ListEncounters(ctx, clinical.ListEncountersInput{Patient: b.patient})
	require.NoError(t, err)
	require.Empty(t, list.Items)
}

func second[T any](_ T, err error) error { return err }
