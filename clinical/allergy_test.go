package clinical_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
)

func TestService_ReviseAllergy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
	})
	require.NoError(t, err)
	_, err = b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
	})
	require.ErrorIs(t, err, clinical.ErrAllergyRecorded)
	peanut := clinical.RecordAllergyInput{
		Patient: b.patient, Unconfirmed: true,
		AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: "Peanut"}, Category: "food", Reaction: "hives",
		},
	}
	_, err = b.RecordAllergy(b.Ctx, peanut)
	var contradiction *clinical.AllergyContradictionError
	require.ErrorAs(t, err, &contradiction)
	require.Equal(t, []hmstype.AllergyID{none.ID}, contradiction.Allergies)

	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: none.ID, Version: 1, Verification: clinical.Refuted, Reason: "told otherwise",
	})
	require.NoError(t, err)
	allergy, err := b.RecordAllergy(b.Ctx, peanut)
	require.NoError(t, err)
	require.Equal(t, clinical.Unconfirmed, allergy.Verification)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: none.ID, Version: 2, Verification: clinical.Confirmed, Reason: "x",
	})
	require.ErrorAs(t, err, &contradiction)
	require.Equal(t, []hmstype.AllergyID{allergy.ID}, contradiction.Allergies)

	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: allergy.ID, Version: 1, Status: clinical.AllergyResolved, Reason: "outgrown",
	})
	require.NoError(t, err)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: allergy.ID, Version: 1, Status: clinical.AllergyActive, Reason: "x",
	})
	require.ErrorIs(t, err, hmstype.ErrStale)
	twice, err := b.RecordAllergy(b.Ctx, peanut)
	require.NoError(t, err)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: allergy.ID, Version: 2, Status: clinical.AllergyActive, Reason: "x",
	})
	require.ErrorIs(t, err, clinical.ErrAllergyRecorded)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: twice.ID, Version: 1, Verification: clinical.EnteredInError, Reason: "twice",
	})
	require.NoError(t, err)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: twice.ID, Version: 2, Verification: clinical.Confirmed, Reason: "x",
	})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	_, err = b.ReviseAllergy(b.As(t, identity.RolePharmacist), clinical.ReviseAllergyInput{
		ID: twice.ID, Version: 2, Verification: clinical.Confirmed, Reason: "x",
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	list, err := b.ListAllergies(b.Ctx, b.patient)
	require.NoError(t, err)
	require.Len(t, list, 2, "what was entered in error is not shown")
}

// TestService_ReviseAllergy_ConcurrentOneAnswer revives "none known" and an allergy at once
// and records both anew: whatever happens first, one answer counts.
func TestService_ReviseAllergy_ConcurrentOneAnswer(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 5 {
		who := b.newPatient(t)
		none, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
			Patient: who, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
		})
		require.NoError(t, err)
		_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
			ID: none.ID, Version: 1, Status: clinical.AllergyInactive, Reason: "x",
		})
		require.NoError(t, err)
		nut, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
			Patient: who, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Nut"}},
		})
		require.NoError(t, err)
		_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
			ID: nut.ID, Version: 1, Status: clinical.AllergyInactive, Reason: "x",
		})
		require.NoError(t, err)
		acts := []func() error{
			func() error {
				return second(
					b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
						ID: none.ID, Version: 2, Status: clinical.AllergyActive, Reason: "x",
					}),
				)
			},
			func() error {
				return second(
					b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
						ID: nut.ID, Version: 2, Status: clinical.AllergyActive, Reason: "x",
					}),
				)
			},
			func() error {
				return second(
					b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
						Patient: who, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
					}),
				)
			},
			func() error {
				return second(b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
					Patient: who, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Egg"}},
				}))
			},
		}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				err := acts[i%len(acts)]()
				if err != nil && !errors.Is(
					err, clinical.ErrAllergyContradiction,
				) && !errors.Is(err, clinical.ErrAllergyRecorded) &&
					!errors.Is(err, hmstype.ErrStale) && !errors.Is(err, hmstype.ErrInvalidTransition) {
					t.Errorf("act %d: %v", i%len(acts), err)
				}
			})
		}
		wg.Wait()
		require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(DISTINCT none_known) FROM hms.allergy
			WHERE tenant_id = ? AND patient_id = ? AND status = 'active'
			AND verification_status IN ('confirmed', 'unconfirmed')`, b.Tenant, who))
	}
}

func TestService_AllergiesAreFoundInWhatIsPrescribed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	code := hmstype.Code{System: hmstype.SystemRxNorm, Value: "7980", Display: "Penicillin G"}
	for _, substance := range []hmstype.Code{code, {Display: "Co-Trimoxazole"}, {Display: "Amoxicillin trihydrate"}} {
		_, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
			Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: substance},
		})
		require.NoError(t, err)
	}
	gone, err := b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Ibuprofen"}},
	})
	require.NoError(t, err)
	_, err = b.ReviseAllergy(b.Ctx, clinical.ReviseAllergyInput{
		ID: gone.ID, Version: 1, Verification: clinical.Refuted, Reason: "tolerated",
	})
	require.NoError(t, err)
	for _, tt := range []struct {
		code  hmstype.Code
		name  string
		match int
	}{
		{hmstype.Code{System: hmstype.SystemRxNorm, Value: "7980"}, "", 1},
		{hmstype.Code{System: hmstype.SystemATC, Value: "7980"}, "", 0},
		{hmstype.Code{}, "PENICILLIN G 1 MU powder", 1},
		{hmstype.Code{}, "co trimoxazole 480 mg", 1},
		{hmstype.Code{}, "Amoxicillin", 1},
		{hmstype.Code{}, "Ibuprofen", 0},
		{hmstype.Code{}, "Penicill", 0},
		{hmstype.Code{}, "", 0},
	} {
		found := b.judge(t, b.patient, hmstype.Medicine{Name: tt.name, Codes: []hmstype.Code{tt.code}}).
			Of(hmstype.SafetyAllergySubstance)
		require.Len(t, found.Findings, tt.match, "%v %q", tt.code, tt.name)
		require.Equal(t, hmstype.Checked, found.Outcome)
	}
	who := b.newPatient(t)
	require.Equal(t, hmstype.GapNeverAsked, b.judge(t, who, hmstype.Medicine{}).Of(hmstype.SafetyAllergySubstance).Why)
}

// judge makes the verdict of a medicine as the pharmacy asks for it.
func (b *bundle) judge(t *testing.T, who hmstype.PatientID, m hmstype.Medicine) (verdict hmstype.Verdict) {
	t.Helper()
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) (err error) {
		verdict, err = clinical.NewPort(b.Base).Judge(ctx, db.Conn(), clinical.JudgeInput{Patient: who, Medicine: m},
			clinical.Advice{})
		return err
	}))
	return verdict
}

// The key of a substance is in an index, which holds no text of any length.
func TestRecordAllergy_RefusesASubstanceThatGrows(t *testing.T) {
	t.Parallel()
	in := clinical.RecordAllergyInput{
		Patient:        hmstype.NewID[hmstype.PatientID](),
		AllergyDetails: clinical.AllergyDetails{Category: "food", Criticality: "low"},
	}
	in.Substance.Display = strings.Repeat("\u00e9", 300)
	require.NoError(t, in.Validate())
	in.Substance.Display = strings.Repeat("\ufdfa", 300) // a phrase of 18 letters in one sign
	require.Equal(t, []hmstype.FieldError{{Path: "substance.display", Rule: "is too long when its signs are written out"}},
		hmstype.Fields(in.Validate()))
}
