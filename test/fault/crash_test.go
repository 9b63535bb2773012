package fault_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// crash ends the server as kill -9 does; one that is not ours to kill loses the test's connections.
func crash(t *testing.T, server *pgserver.Server, db *bun.DB) {
	t.Helper()
	err := server.Kill()
	if errors.Is(err, pgserver.ErrNotLocal) {
		_, err = dbtest.EndSessions(t.Context(), db, "true")
		require.NoError(t, err)
		return
	}
	require.NoError(t, err)
	require.NoError(t, server.Restart(t.Context()))
}

// What was acknowledged before the server was killed is there afterwards; what was not is
// wholly there or wholly absent, and the key tells which.
func TestHMS_CrashConcurrentDispensers(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Durable: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop(context.Background())) }()
	db, err := hms.OpenDB(dbtest.Named(t, server.DSN("")))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	h, err := hms.New(db, hms.Config{})
	require.NoError(t, err)
	require.NoError(t, h.Migrate(t.Context()))
	ctx := hms.WithActor(t.Context(), hms.SystemActor(hms.NewTenantID(), "test"))
	sell := sellInput(ctx, t, h, 100_000)

	var mu sync.Mutex
	acknowledged := map[string]hmstype.DispenseID{}
	var unknown []string
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				if closed(stop) {
					return
				}
				in := sell
				in.IdempotencyKey = fmt.Sprintf("%d/%d", w, i)
				d, err := h.Pharmacy.Dispense(ctx, in)
				mu.Lock()
				switch {
				case err == nil:
					acknowledged[in.IdempotencyKey] = d.ID
				case errors.Is(err, hms.ErrUnavailable):
					unknown = append(unknown, in.IdempotencyKey)
				default:
					t.Errorf("dispense: %v", err)
				}
				mu.Unlock()
				for err != nil && !closed(stop) && h.Check(ctx) != nil {
					continue // until the server answers again
				}
			}
		})
	}
	for range 2 {
		want := count(&mu, acknowledged) + 40
		require.Eventually(t, func() bool { return count(&mu, acknowledged) >= want }, 60*time.Second, 5*time.Millisecond)
		crash(t, server, db)
	}
	want := count(&mu, acknowledged) + 10
	require.Eventually(t, func() bool { return count(&mu, acknowledged) >= want }, 60*time.Second, 5*time.Millisecond,
		"work goes on")
	close(stop)
	wg.Wait()

	for _, key := range unknown { // the same key again tells what became of it, or does it now
		in := sell
		in.IdempotencyKey = key
		d, err := h.Pharmacy.Dispense(ctx, in)
		require.NoError(t, err)
		acknowledged[key] = d.ID
	}
	for key, id := range acknowledged {
		d, err := h.Pharmacy.GetDispense(ctx, id)
		require.NoError(t, err, "the dispense of key %s was acknowledged", key)
		require.Equal(t, hmstype.Quantity(1), d.Quantity)
	}
	stock, err := h.Pharmacy.Verify(ctx)
	require.NoError(t, err)
	require.True(t, stock.Clean(), stock)
	require.Equal(t, hmstype.Quantity(len(acknowledged)), stock.Items[0].Dispensed,
		"each key once, whatever its outcome looked like")
	trail, err := h.AuditLog.Verify(ctx)
	require.NoError(t, err)
	require.True(t, trail.Clean())
}

func closed(stop chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

func count(mu *sync.Mutex, acknowledged map[string]hmstype.DispenseID) int {
	mu.Lock()
	defer mu.Unlock()
	return len(acknowledged)
}

// sellInput gives a tenant with one item, and the input that sells one unit of it.
func sellInput(ctx context.Context, t *testing.T, h *hms.HMS, quantity hmstype.Quantity) pharmacy.DispenseInput {
	t.Helper()
	_, err := h.Identity.CreateTenant(ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Crash hospital"},
	})
	require.NoError(t, err)
	p, err := h.Patient.Register(ctx,
		patient.RegisterInput{Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown}})
	require.NoError(t, err)
	category, err := h.Pharmacy.CreateCategory(ctx, pharmacy.CreateCategoryInput{
		CategoryDetails: pharmacy.CategoryDetails{Name: "C"},
	})
	require.NoError(t, err)
	item, err := h.Pharmacy.CreateItem(ctx, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: category.ID, Name: "I", Unit: "tablet"},
	})
	require.NoError(t, err)
	supplier, err := h.Pharmacy.CreateSupplier(ctx, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{Name: "S"},
	})
	require.NoError(t, err)
	location, err := h.Pharmacy.CreateLocation(ctx, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "L"},
	})
	require.NoError(t, err)
	_, err = h.Pharmacy.ReceiveBatch(ctx, pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{Item: item.ID, Supplier: supplier.ID, BatchNumber: "B"},
		Location:     location.ID, Quantity: quantity,
		CostPrice: hmstype.MustMoney("1", "USD"), SellingPrice: hmstype.MustMoney("1", "USD"),
	})
	require.NoError(t, err)
	return pharmacy.DispenseInput{Patient: p.ID, Item: item.ID, Location: location.ID, Quantity: 1}
}
