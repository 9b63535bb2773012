package sealed

import (
	"fmt"

	"github.com/chelal/hms/audit/proof"
)

// checkSkipped holds the numbers that are void against the signed records of restores: each range is named by one, and
// nothing else makes a number void.
func (c *logCheck) checkSkipped() error {
	rows, err := c.db.ListSkippedNumbers(c.ctx)
	if err != nil {
		return err
	}
	type void struct {
		proof.SkippedNumbers
		reason string
	}
	signed := map[void]int64{}
	for _, r := range c.keys.restorations {
		for _, n := range r.Skipped {
			signed[void{n, r.Reason}] = r.Number
		}
	}
	for _, row := range rows {
		v := void{proof.SkippedNumbers{Series: row.Series, First: row.First, Last: row.Last}, row.Reason}
		if _, ok := signed[v]; !ok {
			c.report.addf(FindingRecord, fmt.Sprintf("%s %d to %d are void by no record", row.Series, row.First, row.Last))
		}
		delete(signed, v)
	}
	for v, number := range signed {
		c.report.addf(FindingRecord, fmt.Sprintf("%s %d to %d of record %d are not void", v.Series, v.First, v.Last, number))
	}
	return nil
}

// checkTenantRecords asks whether every record of the tenant as a whole is signed: what stands in that table lets the
// guards of rows stand back, so somebody may put there what nobody signed.
func (c *logCheck) checkTenantRecords() error {
	rows, err := c.db.Query(c.ctx, `SELECT r.number, r.kind, r.archive_hash, r.note FROM hms.tenant_record AS r
		WHERE r.tenant_id = $1 ORDER BY r.number`, c.db.Tenant())
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	want := int64(1)
	for ; rows.Next(); want++ {
		var number int64
		var kind, note string
		var sum []byte
		if err := rows.Scan(&number, &kind, &sum, &note); err != nil {
			return err
		}
		r, err := proof.OpenTenantRecord(note, c.verifiers)
		if err != nil || number != want || r.Number != number || string(r.Kind) != kind || r.Origin != c.origin ||
			string(r.SumBytes()) != string(sum) {
			c.report.addf(FindingRecord, fmt.Sprintf("record %d of the tenant", number))
		}
		want = number
	}
	return rows.Err()
}
