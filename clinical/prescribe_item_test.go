package clinical_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// What is no quantity and no dose of any medicine is refused, by the service and by the database.
func TestService_Prescribe_Bounds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	e := b.open(t, clinical.ClassAmbulatory)
	for name, tt := range map[string]struct {
		change func(*clinical.PrescribeInput)
		path   string
	}{
		"Quantity": {func(in *clinical.PrescribeInput) { in.Quantity = 999_999_999_999 }, "quantity"},
		"JustOver": {func(in *clinical.PrescribeInput) { in.Quantity = clinical.MaxPrescribed + 1 }, "quantity"},
		"Banana":   {func(in *clinical.PrescribeInput) { in.Dosage = "banana" }, "dosage"},
		"Huge":     {func(in *clinical.PrescribeInput) { in.Dosage = "999999999999 mg" }, "dosage"},
		"NoUnit":   {func(in *clinical.PrescribeInput) { in.Unit = "" }, "unit"},
		"Hourly":   {func(in *clinical.PrescribeInput) { in.DosesPerDay = 97 }, "dosesPerDay"},
		"NoFormulary": {func(in *clinical.PrescribeInput) {
			in.Medication = hmstype.NewID[hmstype.MedicationItemID]()
		}, "medication"},
	} {
		in := tablets(e)
		tt.change(&in)
		_, err := b.Prescribe(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
		require.Equal(t, tt.path, hmstype.Fields(err)[0].Path, name)
	}
	in := tablets(e)
	in.Quantity, in.DosesPerDay = clinical.MaxPrescribed, 96
	rx, err := b.Prescribe(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, 96, rx.DosesPerDay)
}

// What was prescribed stays, for a superuser, too.
func TestPrescription_NeverChanges(t *testing.T) {
	t.Parallel()
	b := setup(t)
	rx, err := b.Prescribe(b.Ctx, tablets(b.open(t, clinical.ClassAmbulatory)))
	require.NoError(t, err)
	for _, change := range []string{
		"quantity = 1", "dosage = '5 g'", "medication_name = 'x'", "refills_allowed = 9", "patient_id = gen_random_uuid()",
		"valid_until = '9999-01-01'", "unit = 'vial'", "codes = '[{}]'", "created_by = 'system:x'", "override_reason = 'x'",
	} {
		_, err := b.DB.NewRaw(`UPDATE hms.prescription SET `+change+` WHERE tenant_id = ? AND id = ?`, b.Tenant, rx.ID).
			Exec(t.Context())
		require.Equal(t, "HM002", dbx.SQLState(err), change)
	}
	require.NoError(t, b.dispense(t, rx.ID, 20), "what becomes of it does")
}

// formulary is a pharmacy's.
type formulary map[hmstype.MedicationItemID]struct {
	hmstype.Medicine
	active bool
}

func (f formulary) Medicine(
	_ context.Context, _ bun.IConn, id hmstype.MedicationItemID,
) (hmstype.Medicine, bool, error) {
	item, ok := f[id]
	if !ok {
		return hmstype.Medicine{}, false, hmstype.NotFound("medication_item", id)
	}
	return item.Medicine, item.active, nil
}

// An item of the formulary is checked and says what it is, whatever the input says.
func TestService_Prescribe_AnItem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	amoxil := hmstype.Medicine{
		Item: hmstype.NewID[hmstype.MedicationItemID](), Name: "Amoxil", GenericName: "amoxicillin", Strength: "250 mg",
		Form: "Kapsel", Unit: "Kapsel", Codes: []hmstype.Code{{System: hmstype.SystemATC, Value: "J01CA04"}},
	}
	gone := hmstype.NewID[hmstype.MedicationItemID]()
	items := formulary{amoxil.Item: {amoxil, true}, gone: {}}
	service := clinical.New(b.Base, clinical.Ports{
		Patients: patient.NewPort(b.Base), Appointments: scheduling.NewPort(b.Base), Formulary: items,
	})
	in := tablets(b.open(t, clinical.ClassAmbulatory))
	for name, id := range map[string]hmstype.MedicationItemID{
		"must refer to an item of the formulary":   hmstype.NewID[hmstype.MedicationItemID](),
		"must refer to an item that is handed out": gone,
	} {
		in.Medication = id
		_, err := service.Prescribe(b.Ctx, in)
		require.Equal(t, []hmstype.FieldError{{Path: "medication", Rule: name}}, hmstype.Fields(err))
	}
	in.Medication, in.Dosage = amoxil.Item, "1 banana"
	_, err := service.Prescribe(b.Ctx, in)
	require.Equal(t, "dosage", hmstype.Fields(err)[0].Path)

	in.Dosage = "1 Kapsel"
	_, err = service.Prescribe(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalid, "the database has no such item")
	require.Equal(t, "medication", hmstype.Fields(err)[0].Path)
	_, err = b.RecordAllergy(b.Ctx, clinical.RecordAllergyInput{
		Patient: b.patient, AllergyDetails: clinical.AllergyDetails{Substance: hmstype.Code{Display: "Amoxicillin"}},
	})
	require.NoError(t, err)
	_, err = service.Prescribe(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrFindings, "the item's substance counts, not the name that was typed")
}
