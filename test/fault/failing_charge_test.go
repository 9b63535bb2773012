package fault_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// The anti-tests hold what the original application was seen to do wrong. Numbers 2, 3 and 4
// stand in package pharmacy, 6 in lab, 7 in billing, 8 in facility; 9 and 10 (portal, offline
// sync) are of parts that are not built yet.

func TestAntiTest1_AnonymousCallersReadNothing(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	p := env.Patient(t)
	_, err := env.H.Patient.Get(t.Context(), p.ID)
	require.ErrorIs(t, err, hms.ErrUnauthenticated)
	_, err = env.H.Patient.Search(t.Context(), patient.SearchInput{Name: "Test"})
	require.ErrorIs(t, err, hms.ErrUnauthenticated)
	_, err = env.H.Patient.Get(env.As(t), p.ID)
	require.ErrorIs(t, err, hms.ErrPermissionDenied, "a user without a role reads nothing either")
}

// brokenPoster fails after the stock has moved.
type brokenPoster struct{ charge.None }

var errFinance = errors.New("the finance system is down")

func (brokenPoster) Post(context.Context, bun.IConn, charge.Request) (hmstype.ChargeID, error) {
	return hmstype.ChargeID{}, errFinance
}

func TestAntiTest5_NoDeedWithoutItsEventAndNoHalfDeed(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, func(c *hms.Config) { c.Charges = brokenPoster{} })
	stock := env.Stock(t, 10, "TAB")
	p := env.Patient(t)
	who := env.User(t, identity.RolePharmacist)
	ctx := hms.WithActor(t.Context(), hms.HumanActor(env.Tenant, who))
	sell := pharmacy.DispenseInput{Patient: p.ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 4}
	_, err := env.H.Pharmacy.Dispense(ctx, sell)
	require.ErrorIs(t, err, errFinance)
	mine := audit.ListEventsInput{User: who, Actions: []audit.Action{audit.ActionCreate, audit.ActionUpdate}}
	trail, err := env.H.Audit.ListEvents(env.Ctx, mine)
	require.NoError(t, err)
	require.Empty(t, trail.Items, "nothing happened, so nothing is told")
	shelf, err := env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(10), shelf[0].OnHand)

	sound := hmstest.New(t)
	other := sound.Stock(t, 10, "")
	who = sound.User(t, identity.RolePharmacist)
	ctx = hms.WithActor(t.Context(), hms.HumanActor(sound.Tenant, who))
	_, err = sound.H.Pharmacy.Dispense(ctx, pharmacy.DispenseInput{Patient: sound.Patient(t).ID, Item: other.Item.ID, Location: other.Location, Quantity: 4})
	require.NoError(t, err)
	mine.User = who
	trail, err = sound.H.Audit.ListEvents(sound.Ctx, mine)
	require.NoError(t, err)
	told := map[string]int{}
	for _, e := range trail.Items {
		told[e.Entity+"/"+string(e.Action)]++
		require.Equal(t, "human:"+who.String(), e.Actor.String())
		require.Equal(t, "pharmacy.dispense", e.Operation)
	}
	require.Equal(t, map[string]int{
		"medication_dispense/create": 1, "medication_dispense/update": 1, "medication_dispense_line/create": 1,
		"stock_movement/create": 1, "stock_balance/update": 1,
	}, told)
}

func TestAntiTest11_ACheckThatCannotBeMadeIsNotSafe(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 10, "")
	d, err := env.H.Pharmacy.Dispense(env.Ctx, pharmacy.DispenseInput{Patient: env.Patient(t).ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 1})
	require.NoError(t, err)
	require.Equal(t, pharmacy.SafetyNoneFound, d.SafetyCheck, "none found is said only where it was checked")
	_, err = env.DB.ExecContext(t.Context(), `UPDATE hms.medication_dispense SET safety_check = '' WHERE tenant_id = ?`, env.Tenant)
	require.Error(t, err, "and the database knows no dispense without an outcome")
}
