package clinical_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// A refusal that tells of a patient's allergies, medication or stay is on his trail as a read is; of a restricted
// record that the actor may not see it tells less, and the trail has that he asked.
func TestRefusals_ThatTellOfAPatientAreOnTheTrail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassInpatient)
	b.allergic(t, "Penicillin")
	for name, tt := range map[string]struct {
		role string
		call func(context.Context) error
		want error
	}{
		"clinical.prescribe": {identity.RoleDoctor, func(ctx context.Context) error {
			return second(b.Prescribe(ctx, of(e, "penicillin")))
		}, hmstype.ErrFindings},
		"clinical.open_encounter": {identity.RoleReceptionist, func(ctx context.Context) error {
			return second(b.OpenEncounter(ctx, clinical.OpenEncounterInput{
				Patient: b.patient, Practitioner: b.doctor, Class: clinical.ClassInpatient,
			}))
		}, clinical.ErrAlreadyInpatient},
		"clinical.record_allergy": {identity.RoleNurse, func(ctx context.Context) error {
			return second(b.RecordAllergy(ctx, clinical.RecordAllergyInput{
				Patient: b.patient, AllergyDetails: clinical.AllergyDetails{NoneKnown: true},
			}))
		}, clinical.ErrAllergyContradiction},
	} {
		t.Run(name, func(t *testing.T) {
			seen := func(action string) int {
				return dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
					AND operation = ? AND action = ? AND patient_id = ?`, b.Tenant, name, action, b.patient)
			}
			require.ErrorIs(t, tt.call(b.As(t, tt.role)), tt.want)
			require.Equal(t, 1, seen("read"))
			require.Zero(t, seen("search"))
		})
	}
	twice := clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "penicillins"}},
	}
	_, err := b.RecordAllergy(b.Ctx, twice)
	require.ErrorIs(t, err, clinical.ErrAllergyRecorded)

	b.restrict(t)
	_, err = b.Prescribe(b.As(t, identity.RoleDoctor), of(e, "penicillin"))
	var refused *hmstype.FindingsError
	require.ErrorAs(t, err, &refused)
	require.True(t, refused.Withheld)
	require.Zero(t, refused.Findings[0].Allergy)
	require.Equal(t, hmstype.SafetyAllergySubstance, refused.Findings[0].Kind, "he is warned all the same")
	require.Equal(t, 1, dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.audit_event WHERE tenant_id = ?
		AND operation = 'clinical.prescribe' AND action = 'search' AND patient_id = ?`, b.Tenant, b.patient))
}
