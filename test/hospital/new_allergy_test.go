package hospital_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/pharmacy"
)

// An allergy that is found later speaks against what is being taken: who prescribed it is told, and
// at the next hand-over it is found.
func TestHMS_AnAllergyFoundLater(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	_, err := env.H.Clinical.LoadKnowledge(env.Ctx, clinical.SampleKnowledge())
	require.NoError(t, err)
	stock := env.Stock(t, 100, "")
	item, err := env.H.Pharmacy.UpdateItem(env.Ctx, pharmacy.UpdateItemInput{
		ID: stock.Item.ID, Version: 1, Active: true, ItemDetails: pharmacy.ItemDetails{
			Category: stock.Item.Category, Name: "Amoxil", GenericName: "amoxicillin", Unit: "capsule",
		},
	})
	require.NoError(t, err)
	who := env.Patient(t).ID
	encounter := env.Encounter(t, who, clinical.ClassAmbulatory).ID
	doctor, another := env.As(t, identity.RoleDoctor), env.As(t, identity.RoleDoctor)
	in := clinical.PrescribeInput{Encounter: encounter, PrescriptionDetails: clinical.PrescriptionDetails{
		Medication: item.ID, Dosage: "1", Frequency: "daily", Duration: "10 days", Quantity: 10,
	}}
	rx, err := env.H.Clinical.Prescribe(doctor, in)
	require.NoError(t, err)
	hands := pharmacy.DispenseInput{Prescription: rx.ID, Location: stock.Location, Quantity: 5}
	d, err := env.H.Pharmacy.Dispense(env.Ctx, hands)
	require.NoError(t, err)
	require.Equal(t, hmstype.GapNeverAsked, d.Verdict.Of(hmstype.SafetyAllergyClass).Why)

	allergy, err := env.H.Clinical.RecordAllergy(env.As(t, identity.RoleNurse), clinical.RecordAllergyInput{
		Patient: who, AllergyDetails: clinical.AllergyDetails{
			Substance: hmstype.Code{Display: "Penicillins"}, Criticality: "high", Reaction: "anaphylaxis",
		},
	})
	require.NoError(t, err)
	list, err := env.H.Inbox.ListNotifications(doctor, inbox.ListNotificationsInput{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)
	told := list.Items[0]
	require.Equal(t, "clinical.prescription_contradicted", told.Category)
	require.Equal(t, inbox.PriorityUrgent, told.Priority)
	require.Equal(t, rx.ID.UUID(), told.Link.ID)
	require.Equal(t, who, told.Patient)
	list, err = env.H.Inbox.ListNotifications(another, inbox.ListNotificationsInput{})
	require.NoError(t, err)
	require.Empty(t, list.Items, "he prescribed nothing")

	_, err = env.H.Pharmacy.Dispense(env.Ctx, hands)
	var found *hmstype.FindingsError
	require.ErrorAs(t, err, &found, "it is asked again at the hand-over")
	require.Equal(t, allergy.ID, found.Findings[0].Allergy)
	require.Equal(t, hmstype.SafetyAllergyClass, found.Findings[0].Kind)
	hands.Overrides = []hmstype.Override{{Finding: found.Findings[0].Key, Reason: hmstype.OverrideTolerated}}
	d, err = env.H.Pharmacy.Dispense(env.Ctx, hands)
	require.NoError(t, err)
	require.Equal(t, hmstype.OverrideTolerated, d.Verdict.Findings()[0].Override)

	allergy, err = env.H.Clinical.ReviseAllergy(env.Ctx, clinical.ReviseAllergyInput{
		ID: allergy.ID, Version: 1, Status: clinical.AllergyInactive, Reason: "tested",
	})
	require.NoError(t, err)
	_, err = env.H.Identity.SetUserStatus(env.Ctx, identity.SetUserStatusInput{
		ID: rx.PrescribedBy.User, Status: identity.UserDeactivated,
	})
	require.NoError(t, err)
	_, err = env.H.Clinical.ReviseAllergy(env.Ctx, clinical.ReviseAllergyInput{
		ID: allergy.ID, Version: allergy.Version, Status: clinical.AllergyActive, Reason: "tested again",
	})
	require.NoError(t, err)
	list, err = env.H.Inbox.ListNotifications(another, inbox.ListNotificationsInput{})
	require.NoError(t, err)
	require.Len(t, list.Items, 1, "who is gone is not told; his colleagues are")
}
