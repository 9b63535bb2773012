package hospital_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/pharmacy"
)

func TestHMS_PrescribedAsAnItem(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 100, "")
	item, err := env.H.Pharmacy.UpdateItem(env.Ctx, pharmacy.UpdateItemInput{
		ID: stock.Item.ID, Version: 1, Active: true, ItemDetails: pharmacy.ItemDetails{
			Category: stock.Item.Category, Name: "Amoxil", GenericName: "amoxicillin", Strength: "250 mg", Unit: "capsule",
			Form: "capsule", RxNormCode: "723", ATCCode: "J01CA04",
		},
	})
	require.NoError(t, err)
	in := clinical.PrescribeInput{
		Encounter: env.Encounter(t, env.Patient(t).ID, clinical.ClassAmbulatory).ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			Medication: item.ID, MedicationName: "something else", Dosage: "2", Frequency: "daily", Duration: "5 days",
			Quantity: 10,
		},
	}
	rx, err := env.H.Clinical.Prescribe(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, []string{"Amoxil", "amoxicillin", "250 mg", "capsule", "capsule"},
		[]string{rx.MedicationName, rx.GenericName, rx.Strength, rx.Form, rx.Unit})
	require.Equal(t, hmstype.Code{System: hmstype.SystemRxNorm, Value: "723"}, rx.Code)
	require.Contains(t, rx.Codes, hmstype.Code{System: hmstype.SystemATC, Value: "J01CA04"})
	got, err := env.H.Clinical.GetPrescription(env.Ctx, rx.ID)
	require.NoError(t, err)
	require.Equal(t, rx, got)

	in.Medication = hmstype.NewID[hmstype.MedicationItemID]()
	_, err = env.H.Clinical.Prescribe(env.Ctx, in)
	require.Equal(t, "medication", hmstype.Fields(err)[0].Path)
	_, err = env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{
		Prescription: rx.ID, Item: env.Stock(t, 1, "").Item.ID, Location: stock.Location, Quantity: 1,
	})
	requireRefused(t, err, pharmacy.PrescriptionError{Reason: pharmacy.PrescriptionOtherMedicine})
}

// What is prescribed by name is handed out as an item of that, and as no other.
func TestHMS_PrescribedByName(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := func(name, generic, strength, unit string) pharmacy.DispenseInput {
		s := env.Stock(t, 100, "")
		_, err := env.H.Pharmacy.UpdateItem(env.Ctx, pharmacy.UpdateItemInput{
			ID: s.Item.ID, Version: 1, Active: true, ItemDetails: pharmacy.ItemDetails{
				Category: s.Item.Category, Name: name, GenericName: generic, Strength: strength, Unit: unit,
			},
		})
		require.NoError(t, err)
		return pharmacy.DispenseInput{Item: s.Item.ID, Location: s.Location, Quantity: 5}
	}
	rx, err := env.H.Clinical.Prescribe(env.Ctx, clinical.PrescribeInput{
		Encounter: env.Encounter(t, env.Patient(t).ID, clinical.ClassAmbulatory).ID,
		PrescriptionDetails: clinical.PrescriptionDetails{
			MedicationName: "amoxicillin", GenericName: "Amoxycillin", Strength: "500 mg", Unit: "capsule", Dosage: "1",
			Frequency: "daily", Duration: "5 days", Quantity: 100,
		},
	})
	require.NoError(t, err)
	for name, tt := range map[string]struct {
		in   pharmacy.DispenseInput
		want pharmacy.PrescriptionReason
	}{
		"None": {
			pharmacy.DispenseInput{Location: stock("None", "", "", "tablet").Location, Quantity: 5},
			pharmacy.PrescriptionNeedsItem,
		},
		"Other": {stock("Ibuprofen", "ibuprofen", "500 mg", "capsule"), pharmacy.PrescriptionOtherMedicine},
		"Combination": {
			stock("Augmentin", "amoxicillin clavulanate", "500 mg", "capsule"), pharmacy.PrescriptionOtherMedicine,
		},
		"Strength":  {stock("Amoxil 1 g", "amoxicillin", "1 g", "capsule"), pharmacy.PrescriptionOtherStrength},
		"Unit":      {stock("Amoxil syrup", "amoxicillin", "", "ml"), pharmacy.PrescriptionOtherUnit},
		"Brand":     {stock("Amoxil", "amoxicillin", "500mg", "Capsules"), ""},
		"NoGeneric": {stock("Amoxicillin Acme", "", "", "capsule"), ""},
	} {
		tt.in.Prescription = rx.ID
		d, err := env.H.Pharmacy.Dispense(env.Ctx, tt.in)
		if tt.want != "" {
			requireRefused(t, err, pharmacy.PrescriptionError{Reason: tt.want})
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, tt.in.Item, d.Item)
	}
	_, err = env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{
		Patient: rx.Patient, Item: hmstype.NewID[hmstype.MedicationItemID](),
		Location: env.Stock(t, 1, "").Location, Quantity: 1,
	})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}
