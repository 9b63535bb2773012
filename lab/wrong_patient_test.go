package lab_test

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/lab"
)

// restsOnNothing counts the items whose results count, though their specimen is of no use.
func (b *bundle) restsOnNothing(t *testing.T) int {
	t.Helper()
	return dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.lab_order_item AS i
		JOIN hms.lab_specimen AS s ON s.tenant_id = i.tenant_id AND s.id = i.specimen_id
		WHERE i.tenant_id = ? AND s.status IN ('rejected', 'entered-in-error')
		AND i.status NOT IN ('ordered', 'cancelled', 'entered-in-error')`, b.Tenant)
}

// reject rejects a specimen of the first version.
func (b *bundle) reject(t *testing.T, id hmstype.SpecimenID, inError bool) lab.Specimen {
	t.Helper()
	specimen, err := b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
		ID: id, Version: 1, Reason: "found out", EnteredInError: inError,
	})
	require.NoError(t, err)
	return specimen
}

// Blood of another patient, or blood that turns out to be of no use: what was released from it is withdrawn.
func TestService_RejectSpecimen_WithdrawsWhatWasReleased(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		inError bool
		item    lab.ItemStatus
		result  lab.ResultStatus
	}{
		"AnotherPatients": {true, lab.ItemEnteredInError, lab.ResultEnteredInError},
		"Unfit":           {false, lab.ItemCancelled, lab.ResultCancelled},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			_, out := b.final(t, b.potassium(t), b.adult(t), number("9.9"))
			require.Equal(t, 1, b.till.len())
			b.reject(t, out.Item.Specimen, c.inError)
			report, err := b.lab.GetReport(b.doctor, out.Item.Order)
			require.NoError(t, err)
			require.Equal(t, c.item, report.Order.Items[0].Status)
			require.Equal(t, "found out", report.Order.Items[0].StatusReason)
			current := dbtest.Scalar[lab.ResultStatus](t, b.Env, `SELECT status FROM hms.lab_result
				WHERE tenant_id = ? AND order_item_id = ? ORDER BY version DESC LIMIT 1`, b.Tenant, out.Item.ID)
			require.Equal(t, c.result, current)
			require.NotZero(t, b.alerts(t)[0].SupersededBy)
			require.Zero(t, b.till.len())
			require.Equal(t, 1, b.events(t, "lab.withdrawn"))
			found, err := b.lab.VerifyOrders(b.doctor)
			require.NoError(t, err)
			require.True(t, found.Clean(), found.String())
		})
	}
}

// What was merely unfit turns out to be another patient's: the withdrawn value was never this patient's.
func TestService_RejectSpecimen_UnfitIsAnotherPatientsAfterAll(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order, out := b.final(t, b.potassium(t), b.adult(t), number("4"))
	specimen := b.reject(t, out.Item.Specimen, false)
	_, err := b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
		ID: specimen.ID, Version: specimen.Version, Reason: "the neighbour's", EnteredInError: true,
	})
	require.NoError(t, err)
	require.Equal(t, lab.ItemEnteredInError, b.reload(t, order).Items[0].Status)
}

// CancelItem stays what it was: a released value is withdrawn for its specimen's sake, or as an error.
func TestService_CancelItem_NotWhatIsReleased(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, out := b.final(t, b.potassium(t), b.adult(t), number("4"))
	_, err := b.lab.CancelItem(b.doctor, lab.CancelItemInput{ItemRef: ref(out.Item), Reason: "not needed"})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

// The database keeps it, whoever writes.
func TestSpecimen_TheDatabaseKeepsWhatRestsOnIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	_, out := b.final(t, test, b.adult(t), number("4"))
	const reject = `UPDATE hms.lab_specimen SET status = 'rejected', rejected_at = collected_at, rejected_by = created_by,
		reject_reason = 'forced' WHERE id = ?`
	_, err := b.DB.NewRaw(reject, out.Item.Specimen).Exec(t.Context())
	require.ErrorIs(t, dbx.Map(err), lab.ErrSpecimenInUse)

	order := b.drawn(t, b.adult(t), test)
	id := order.Items[0].Specimen
	b.reject(t, id, false)
	waiting := b.order(t, order.Patient, test)
	_, err = b.DB.NewRaw(`UPDATE hms.lab_order_item SET status = 'collected', specimen_id = ?, collected_at = created_at
		WHERE id = ?`, id, waiting.Items[0].ID).Exec(t.Context())
	require.ErrorIs(t, dbx.Map(err), lab.ErrSpecimenInUse)
}

// A storm of laboratory commands: whatever comes before whatever, no result counts whose specimen is of no use.
func TestStorm_ASpecimenThatCountsIsUsable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	second := b.numericTest(t, "NA", "mmol/L")
	b.forAll(t, second, bounds("", "135", "145", ""))
	orders := make([]lab.Order, 8)
	for i := range orders {
		orders[i] = b.drawn(t, who, test, second)
	}
	analyte := map[hmstype.LabTestID]hmstype.LabAnalyteID{
		test.ID: test.Analytes[0].ID, second.ID: second.Analytes[0].ID,
	}
	outcome := together(16, func(worker int) error {
		dice := rand.New(rand.NewPCG(1, uint64(worker)))
		for range 12 {
			if err := b.stormStep(dice, orders[dice.IntN(len(orders))].ID, analyte); err != nil {
				return err
			}
		}
		return nil
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindOf(nil): 16}, outcome)
	require.Zero(t, b.restsOnNothing(t))
	found, err := b.lab.VerifyOrders(b.doctor)
	require.NoError(t, err)
	require.True(t, found.Clean(), found.String())
	rejected := dbtest.Scalar[int](t, b.Env, `SELECT count(*) FROM hms.lab_result WHERE tenant_id = ? AND
		status = 'entered-in-error'`, b.Tenant)
	require.NotZero(t, rejected, "the storm has withdrawn something")
}

// stormStep reads an order and does one thing to it that may be refused as stale or impossible.
func (b *bundle) stormStep(dice *rand.Rand, id hmstype.LabOrderID, analyte map[hmstype.LabTestID]hmstype.LabAnalyteID,
) error {
	order, err := b.lab.GetOrder(b.doctor, id)
	if err != nil {
		return err
	}
	item := order.Items[dice.IntN(len(order.Items))]
	switch n := dice.IntN(12); {
	case item.Status == lab.ItemOrdered:
		_, err = b.lab.CollectSpecimen(b.tech, lab.CollectSpecimenInput{
			Order: id, Items: []hmstype.LabOrderItemID{item.ID}, TwoIdentifiers: true,
		})
	case n < 4:
		_, err = b.lab.EnterResult(b.tech, lab.EnterResultInput{
			ItemRef: ref(item), Values: []lab.EnteredValue{{Analyte: analyte[item.Test], Value: number("4.1")}},
		})
	case n < 8:
		_, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(item), Release: true})
	case n == 8:
		_, err = b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
			ItemRef: ref(item), Analyte: analyte[item.Test], Value: number(itoa(dice.IntN(9))), Reason: "storm",
		})
	case n == 9:
		_, err = b.lab.EnterItemInError(b.senior, lab.EnterItemInErrorInput{ItemRef: ref(item), Reason: "storm"})
	default:
		_, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
			ID: item.Specimen, Version: int64(1 + dice.IntN(2)), Reason: "storm",
			Recollect: dice.IntN(2) == 0, EnteredInError: dice.IntN(2) == 0,
		})
	}
	for _, refused := range []error{
		hmstype.ErrStale, hmstype.ErrInvalidTransition, hmstype.ErrPrecondition, hmstype.ErrInvalid, hmstype.ErrNotFound,
	} {
		if errors.Is(err, refused) {
			return nil
		}
	}
	return err
}
