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
	"github.com/chelal/hms/pharmacy"
)

// brokenPoster fails after the stock has moved.
type brokenPoster struct{ charge.None }

var errFinance = errors.New("the finance system is down")

func (brokenPoster) Post(context.Context, bun.IConn, charge.Request) (hmstype.ChargeID, error) {
	return hmstype.ChargeID{}, errFinance
}

// A use case whose charge fails leaves neither a change nor an event; one that succeeds leaves an event for
// each row that it wrote.
func TestDispense_WhereTheChargeFailsNothingIsDoneOrTold(t *testing.T) {
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
	_, err = sound.H.Pharmacy.Dispense(ctx,
		pharmacy.DispenseInput{Patient: sound.Patient(t).ID, Item: other.Item.ID, Location: other.Location, Quantity: 4})
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
