package billing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/internal/dbx"
)

// Bills are numbered without gaps. A range that was left out after a restore is void on record; anything else that is
// missing is a finding.
func TestService_VerifyExplainsMissingNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	year := b.Clock.Now().Year()
	require.Contains(t, b.billOf100(t).Number, "-000001")
	require.Empty(t, b.requireProof(t).Void)
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		for range 2 { // two restores
			if _, err := db.SkipNumbers(ctx, 10, "the disk was lost", year); err != nil {
				return err
			}
		}
		return nil
	}))
	name := billSeries(year)
	void := b.requireProof(t).Void
	require.Contains(t, void, billing.NumberRange{Series: name, First: 2, Last: 11, Reason: "the disk was lost"})
	require.Contains(t, void, billing.NumberRange{Series: name, First: 12, Last: 21, Reason: "the disk was lost"})
	require.Contains(t, void, billing.NumberRange{
		Series: "credit-note" + name[len("bill"):], First: 1, Last: 10, Reason: "the disk was lost",
	}, "a series of which no document is there yet")
	require.Contains(t, b.billOf100(t).Number, "-000022")
	report := b.requireProof(t)
	require.Len(t, report.Void, 4)
	require.Contains(t, report.String(), name+": 2 to 11 are void: the disk was lost")

	require.NoError(t, b.raw(t, `UPDATE hms.counter SET value = value + 3 WHERE tenant_id = ? AND name = ?`, b.Tenant,
		name))
	report, err := b.s.Verify(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, []billing.NumberRange{{Series: name, First: 23, Last: 25}}, report.Gaps, "at the end")
	require.False(t, report.Clean())
	require.Contains(t, report.String(), name+": no document has 23 to 25")
	require.Contains(t, b.billOf100(t).Number, "-000026")
	report, err = b.s.Verify(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, []billing.NumberRange{{Series: name, First: 23, Last: 25}}, report.Gaps, "in the middle")
}

// What a record explains in part leaves the rest.
func TestService_VerifyFindsWhatARecordDoesNotReach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	year := b.Clock.Now().Year()
	name := billSeries(year)
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.SkipNumbers(ctx, 10, "the disk was lost", year)
		return err
	}))
	b.billOf100(t)
	require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
		_, err := db.Exec(ctx, `INSERT INTO hms.skipped_number
				(tenant_id, series, first, last, reason, skipped_at, skipped_by)
			VALUES ($1, $2, 15, 17, 'by hand', $3, $4)`, db.Tenant(), name, db.Now, db.By())
		return err
	}))
	require.NoError(t, b.raw(t, `UPDATE hms.counter SET value = 20 WHERE tenant_id = ? AND name = ?`, b.Tenant, name))
	report, err := b.s.Verify(b.Ctx)
	require.NoError(t, err)
	require.Equal(t, []billing.NumberRange{
		{Series: name, First: 12, Last: 14}, {Series: name, First: 18, Last: 20},
	}, report.Gaps)
	require.Contains(t, report.Void, billing.NumberRange{Series: name, First: 15, Last: 17, Reason: "by hand"})
}

func billSeries(year int) string { return fmt.Sprintf("bill-%d", year) }
