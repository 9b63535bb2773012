package pharmacy_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

type bundle struct {
	*dbtest.Env
	*pharmacy.Service
	patient  hmstype.PatientID
	supplier hmstype.SupplierID
	location hmstype.LocationID
	category hmstype.MedicationCategoryID
	item     hmstype.MedicationItemID
	today    hmstype.Date
}

func setup(tb testing.TB, ports pharmacy.Ports) *bundle {
	tb.Helper()
	env := dbtest.New(tb)
	ports.Patients = patient.NewPort(env.Base)
	b := &bundle{
		Env: env, Service: pharmacy.New(env.Base, ports), today: hmstype.DateOf(dbtest.Start, dbtest.Start.Location()),
	}
	p, err := patient.New(env.Base, patient.Ports{}).Register(b.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown},
	})
	require.NoError(tb, err)
	supplier, err := b.CreateSupplier(b.Ctx, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{Name: "Acme"},
	})
	require.NoError(tb, err)
	location, err := b.CreateLocation(b.Ctx, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "Main store"},
	})
	require.NoError(tb, err)
	category, err := b.CreateCategory(b.Ctx, pharmacy.CreateCategoryInput{
		CategoryDetails: pharmacy.CategoryDetails{Name: "Antibiotics"},
	})
	require.NoError(tb, err)
	b.patient, b.supplier, b.location, b.category = p.ID, supplier.ID, location.ID, category.ID
	b.item = b.newItem(tb, "Amoxicillin")
	return b
}

func (b *bundle) newItem(tb testing.TB, name string) hmstype.MedicationItemID {
	tb.Helper()
	item, err := b.CreateItem(b.Ctx, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: b.category, Name: name, Strength: "500 mg", Unit: "tablet"},
	})
	require.NoError(tb, err)
	return item.ID
}

// receive takes a batch in that expires in so many days.
func (b *bundle) receive(tb testing.TB, number string, quantity hmstype.Quantity, days int) pharmacy.Batch {
	tb.Helper()
	batch, err := b.ReceiveBatch(b.Ctx, b.delivery(number, quantity, days))
	require.NoError(tb, err)
	return batch
}

func (b *bundle) delivery(number string, quantity hmstype.Quantity, days int) pharmacy.ReceiveBatchInput {
	return pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{
			Item: b.item, Supplier: b.supplier, BatchNumber: number, ExpiryDate: b.today.AddDays(days),
		},
		Location: b.location, Quantity: quantity, CostPrice: hmstype.MustMoney("0.10", "USD"),
		SellingPrice: hmstype.MustMoney("0.25", "USD"),
	}
}

func (b *bundle) sell(quantity hmstype.Quantity) pharmacy.DispenseInput {
	return pharmacy.DispenseInput{Patient: b.patient, Item: b.item, Location: b.location, Quantity: quantity}
}

func (b *bundle) requireClean(tb testing.TB) pharmacy.ItemReport {
	tb.Helper()
	report, err := b.Verify(b.Ctx)
	require.NoError(tb, err)
	require.True(tb, report.Clean(), report)
	return report.Items[0]
}

func TestService_ReceiveBatch(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	dbtest.RequireTransitions(t, b.Env, "stock_batch", pharmacy.BatchTransitions.Pairs())
	dbtest.RequireTransitions(t, b.Env, "medication_dispense", pharmacy.DispenseTransitions.Pairs())
	first := b.receive(t, "B1", 100, 30)
	again := b.receive(t, "B1", 50, 30)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, hmstype.Quantity(150), again.QuantityReceived)
	_, err := b.ReceiveBatch(b.Ctx, b.delivery("B1", 10, 31))
	require.ErrorIs(t, err, pharmacy.ErrBatchConflict)

	keyed := b.delivery("B2", 10, 60)
	keyed.IdempotencyKey = "delivery-1"
	for range 2 {
		_, err = b.ReceiveBatch(b.Ctx, keyed)
		require.NoError(t, err)
	}
	require.Equal(t, hmstype.Quantity(160), b.requireClean(t).OnHand)

	for name, change := range map[string]func(*pharmacy.ReceiveBatchInput){
		"Zero":        func(in *pharmacy.ReceiveBatchInput) { in.Quantity = 0 },
		"Negative":    func(in *pharmacy.ReceiveBatchInput) { in.Quantity = -5 },
		"Overflow":    func(in *pharmacy.ReceiveBatchInput) { in.Quantity = hmstype.MaxQuantity + 1 },
		"NegativePay": func(in *pharmacy.ReceiveBatchInput) { in.CostPrice = hmstype.MustMoney("-1", "USD") },
		"Currencies":  func(in *pharmacy.ReceiveBatchInput) { in.CostPrice = hmstype.MustMoney("1", "EUR") },
		"NoItem":      func(in *pharmacy.ReceiveBatchInput) { in.Item = hmstype.NewID[hmstype.MedicationItemID]() },
	} {
		in := b.delivery("B3", 10, 60)
		change(&in)
		_, err := b.ReceiveBatch(b.Ctx, in)
		require.ErrorIs(t, err, hmstype.ErrInvalid, name)
	}
	_, err = b.ReceiveBatch(b.As(t, identity.RoleNurse), b.delivery("B4", 1, 1))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_Dispense(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	late := b.receive(t, "LATE", 100, 300)
	early := b.receive(t, "EARLY", 30, 10)
	b.receive(t, "EXPIRED", 100, -1)
	lastDay := b.receive(t, "TODAY", 5, 0)
	held := b.receive(t, "HELD", 100, 5)
	recalled := b.receive(t, "RECALLED", 100, 5)
	quarantined := b.delivery("QUARANTINED", 100, 5)
	quarantined.Quarantine = true
	_, err := b.ReceiveBatch(b.Ctx, quarantined)
	require.NoError(t, err)
	for _, in := range []pharmacy.SetBatchStatusInput{
		{ID: held.ID, Status: pharmacy.BatchHold, Reason: "seal"},
		{ID: recalled.ID, Status: pharmacy.BatchRecalled, Reason: "maker"},
	} {
		_, err := b.SetBatchStatus(b.Ctx, in)
		require.NoError(t, err)
	}

	d, err := b.Dispense(b.As(t, identity.RolePharmacist), b.sell(40))
	require.NoError(t, err)
	require.Equal(t, []pharmacy.DispenseLine{
		{Batch: lastDay.ID, ExpiryDate: b.today, Quantity: 5},
		{Batch: early.ID, ExpiryDate: b.today.AddDays(10), Quantity: 30},
		{Batch: late.ID, ExpiryDate: b.today.AddDays(300), Quantity: 5},
	}, d.Lines, "first expired, first out")
	require.Equal(t, hmstype.NoVerdict(dbtest.Start, hmstype.GapNoSource), d.Verdict)

	_, err = b.Dispense(b.Ctx, b.sell(96))
	var short *pharmacy.InsufficientStockError
	require.ErrorAs(t, err, &short)
	require.Equal(t, hmstype.Quantity(95), short.Available, "only usable units count")
	require.Equal(t, hmstype.KindPrecondition, hmstype.KindOf(err))
	b.requireClean(t)

	part := b.sell(200)
	part.AllowPartial = true
	d, err = b.Dispense(b.Ctx, part)
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(95), d.Quantity)
	_, err = b.Dispense(b.Ctx, part)
	require.ErrorIs(t, err, pharmacy.ErrInsufficientStock, "a part of nothing is nothing")

	got, err := b.GetDispense(b.Ctx, d.ID)
	require.NoError(t, err)
	require.Equal(t, d, got)
	_, err = b.GetDispense(dbtest.New(t).Ctx, d.ID)
	require.ErrorIs(t, err, hmstype.ErrNotFound)
	_, err = b.Dispense(b.As(t, identity.RoleDoctor), b.sell(1))
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestService_Dispense_MinRemainingDays(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	b.receive(t, "SHORT", 10, 6)
	long := b.receive(t, "LONG", 10, 7)
	in := b.sell(10)
	in.MinRemainingDays = 7
	d, err := b.Dispense(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, long.ID, d.Lines[0].Batch)
}

type checker struct{ err error }

// theFinding is what the checker finds.
var theFinding = hmstype.Finding{
	Key: "allergy-substance:x", Kind: hmstype.SafetyAllergySubstance, Severity: hmstype.SeverityHigh,
	Allergy: hmstype.NewID[hmstype.AllergyID](),
}

func (c checker) Prepare(
	context.Context, hmstype.PatientID, hmstype.MedicationItemID, hmstype.PrescriptionID,
) (pharmacy.Judge, error) {
	return c.judge, nil
}

func (c checker) judge(
	context.Context, bun.IConn, hmstype.PatientID, hmstype.Medicine, hmstype.PrescriptionID,
) (hmstype.Verdict, error) {
	verdict := hmstype.NoVerdict(dbtest.Start, hmstype.GapNoKnowledge)
	verdict.Checks[0] = hmstype.Check{
		Kind: theFinding.Kind, Outcome: hmstype.Checked, Source: "test", Findings: []hmstype.Finding{theFinding},
	}
	return verdict, c.err
}

func TestService_Dispense_Allergy(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{Safety: checker{}})
	b.receive(t, "B", 10, 30)
	in := b.sell(1)
	_, err := b.Dispense(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrFindings)
	in.OverrideReason = "doctor insists"
	_, err = b.Dispense(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrFindings, "words override nothing")
	in.Overrides = []hmstype.Override{{Finding: theFinding.Key, Reason: hmstype.OverrideBenefit}}
	d, err := b.Dispense(b.Ctx, in)
	require.NoError(t, err)
	require.True(t, d.Verdict.Overridden())
	got, err := b.GetDispense(b.Ctx, d.ID)
	require.NoError(t, err)
	require.Equal(t, d, got)

	broken := setup(t, pharmacy.Ports{Safety: checker{err: hmstype.ErrUnavailable}})
	broken.receive(t, "B", 10, 30)
	_, err = broken.Dispense(broken.Ctx, broken.sell(1))
	require.ErrorIs(t, err, hmstype.ErrUnavailable, "a check that fails is not a check that found nothing")
	require.Equal(t, hmstype.Quantity(10), broken.requireClean(t).OnHand)
}

func TestService_Dispense_ConcurrentNeverOversells(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	const batches, perBatch = 20, 50
	for i := range batches {
		b.receive(t, fmt.Sprintf("B%02d", i), perBatch, 30+i)
	}
	var given atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for {
				d, err := b.Dispense(b.Ctx, b.sell(hmstype.Quantity(1+rand.IntN(9))))
				var short *pharmacy.InsufficientStockError
				switch {
				case err == nil:
					given.Add(int64(d.Quantity))
				case errors.As(err, &short):
					if short.Available == 0 {
						return
					}
					in := b.sell(short.Available)
					in.AllowPartial = true
					if d, err := b.Dispense(b.Ctx, in); err == nil {
						given.Add(int64(d.Quantity))
					} else if !errors.Is(err, pharmacy.ErrInsufficientStock) {
						t.Errorf("dispense: %v", err)
						return
					}
				default:
					t.Errorf("dispense: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
	require.Equal(t, int64(batches*perBatch), given.Load())
	report := b.requireClean(t)
	require.Zero(t, report.OnHand)
	require.Equal(t, hmstype.Quantity(batches*perBatch), report.Dispensed)
}

func TestService_ConcurrentStormKeepsEveryBalance(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	batches := make([]pharmacy.Batch, 5)
	for i := range batches {
		batches[i] = b.receive(t, fmt.Sprintf("B%d", i), 200, 30+i)
	}
	acts := []func() error{
		func() error { _, err := b.Dispense(b.Ctx, b.sell(hmstype.Quantity(1+rand.IntN(20)))); return err },
		func() error {
			d, err := b.Dispense(b.Ctx, b.sell(3))
			if err == nil {
				_, err = b.ReverseDispense(b.Ctx, pharmacy.ReverseDispenseInput{Dispense: d.ID, Reason: "mistake"})
			}
			return err
		},
		func() error {
			delta := hmstype.Quantity(1 + rand.IntN(5))
			if rand.IntN(2) == 0 {
				delta = -delta
			}
			_, err := b.Adjust(b.Ctx, pharmacy.AdjustInput{
				Batch: batches[rand.IntN(5)].ID, Location: b.location, Delta: delta, Reason: "count",
			})
			return err
		},
		func() error {
			id := batches[rand.IntN(5)].ID
			_, err := b.SetBatchStatus(b.Ctx, pharmacy.SetBatchStatusInput{ID: id, Status: pharmacy.BatchHold, Reason: "look"})
			if err == nil {
				_, err = b.SetBatchStatus(b.Ctx, pharmacy.SetBatchStatusInput{
					ID: id, Status: pharmacy.BatchAvailable, Reason: "fine",
				})
			}
			return err
		},
		func() error { b2 := b.delivery("B0", 7, 30); _, err := b.ReceiveBatch(b.Ctx, b2); return err },
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			for range 12 {
				if err := acts[i%len(acts)](); err != nil && hmstype.KindOf(err) != hmstype.KindPrecondition {
					t.Errorf("act %d: %v", i%len(acts), err)
				}
			}
		})
	}
	wg.Wait()
	b.requireClean(t)
}

func TestService_Dispense_ConcurrentSameKeyDispensesOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	b.receive(t, "B", 100, 30)
	in := b.sell(10)
	in.IdempotencyKey = "one click"
	var mu sync.Mutex
	seen := map[hmstype.DispenseID]int{}
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			d, err := b.Dispense(b.Ctx, in)
			if err != nil {
				t.Errorf("dispense: %v", err)
			}
			mu.Lock()
			seen[d.ID]++
			mu.Unlock()
		})
	}
	wg.Wait()
	require.Len(t, seen, 1)
	require.Equal(t, hmstype.Quantity(90), b.requireClean(t).OnHand)
	in.Quantity = 11
	_, err := b.Dispense(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrIdempotencyMismatch)
}

// The stock against an oracle that is a plain number per batch.
func TestService_MatchesOracle(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	rapid.Check(t, func(rt *rapid.T) {
		item, err := b.CreateItem(b.Ctx, pharmacy.CreateItemInput{
			ItemDetails: pharmacy.ItemDetails{
				Category: b.category, Name: hmstype.NewID[hmstype.MedicationItemID]().String(), Unit: "tablet",
			},
		})
		if err != nil {
			rt.Fatal(err)
		}
		sizes := rapid.SliceOfN(rapid.Int64Range(1, 30), 1, 4).Draw(rt, "sizes")
		left := make([]int64, len(sizes))
		for i, size := range sizes {
			in := b.delivery(fmt.Sprint(i), hmstype.Quantity(size), 10+i)
			in.Item = item.ID
			if _, err := b.ReceiveBatch(b.Ctx, in); err != nil {
				rt.Fatal(err)
			}
			left[i] = size
		}
		for _, want := range rapid.SliceOfN(rapid.Int64Range(1, 40), 1, 6).Draw(rt, "wants") {
			var total int64
			for _, n := range left {
				total += n
			}
			in := b.sell(hmstype.Quantity(want))
			in.Item = item.ID
			d, err := b.Dispense(b.Ctx, in)
			var short *pharmacy.InsufficientStockError
			if want > total {
				if !errors.As(err, &short) || int64(short.Available) != total {
					rt.Fatalf("%d of %d gave %v", want, total, err)
				}
				continue
			}
			if err != nil || int64(d.Quantity) != want {
				rt.Fatalf("%d of %d gave %v, %v", want, total, d.Quantity, err)
			}
			for i := range left {
				take := min(left[i], want)
				left[i], want = left[i]-take, want-take
			}
			shelf, err := b.ListShelf(b.Ctx, pharmacy.ListShelfInput{Item: item.ID})
			if err != nil {
				rt.Fatal(err)
			}
			for i, line := range shelf {
				if int64(line.OnHand) != left[i] {
					rt.Fatalf("batch %d has %d, not %d", i, line.OnHand, left[i])
				}
			}
		}
	})
	b.requireClean(t)
}

func TestService_ReverseDispense(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	b.receive(t, "A", 10, 30)
	b.receive(t, "B", 10, 60)
	d, err := b.Dispense(b.Ctx, b.sell(15))
	require.NoError(t, err)
	in := pharmacy.ReverseDispenseInput{Dispense: d.ID, Reason: "wrong patient"}
	back, err := b.ReverseDispense(b.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, pharmacy.DispenseEnteredInError, back.Status)
	report := b.requireClean(t)
	require.Equal(t, hmstype.Quantity(15), report.Quarantined, "what came back does not go to the shelf")
	require.Equal(t, hmstype.Quantity(5), report.OnHand)
	_, err = b.ReverseDispense(b.Ctx, in)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestGuards(t *testing.T) {
	t.Parallel()
	b := setup(t, pharmacy.Ports{})
	batch := b.receive(t, "B", 10, 30)
	for statement, state := range map[string]string{
		`UPDATE hms.stock_balance SET on_hand = -1 WHERE batch_id = ?`:          "23514",
		`UPDATE hms.stock_movement SET quantity = 5 WHERE batch_id = ?`:         "HM002",
		`DELETE FROM hms.stock_movement WHERE batch_id = ?`:                     "HM002",
		`UPDATE hms.stock_batch SET status = 'destroyed' WHERE id = ?`:          "HM001",
		`UPDATE hms.stock_batch SET cost_price_amount = 'NaN' WHERE id = ?`:     "23514",
		`UPDATE hms.stock_batch SET cost_price_amount = 0.001 WHERE id = ?`:     "23514",
		`UPDATE hms.stock_batch SET tenant_id = gen_random_uuid() WHERE id = ?`: "23503",
	} {
		_, err := b.DB.NewRaw(statement, batch.ID).Exec(t.Context())
		require.Equal(t, state, dbx.SQLState(err), statement)
	}
	other := setup(t, pharmacy.Ports{})
	err := other.InTx(t, other.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `INSERT INTO hms.stock_balance (tenant_id, location_id, item_id, batch_id)
			VALUES ($1, $2, $3, $4)`,
			other.Tenant, other.location, b.item, batch.ID)
		return err
	})
	require.ErrorIs(t, err, hmstype.ErrInvalid, "another tenant's batch cannot even be referred to")
	shelf, err := other.ListShelf(other.Ctx, pharmacy.ListShelfInput{})
	require.NoError(t, err)
	require.Empty(t, shelf)
}
