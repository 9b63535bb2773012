package day

import (
	"context"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/outbox"
	"github.com/chelal/hms/patient"
)

// night is what the host's scheduler does.
func (d *Day) night() {
	run(d, d.Ctx, d.H.Encryption.Reencrypt, encryption.ReencryptInput{Limit: 500})
	perform(d, d.Ctx, d.H.Encryption.Rotate)
	d.done("encryption.Rewrap", d.H.Encryption.Rewrap(d.Ctx), hmstype.Secret(""))
	n, err := d.H.Outbox.Relay(d.Ctx, func(_ context.Context, e outbox.Event) error { d.Pen.Event(e); return nil })
	d.done("outbox.Relay", err, n)
	require.Positive(d.tb, n)
	run(d, d.Ctx, d.H.Outbox.Purge, outbox.PurgeInput{DeliveredBefore: d.Clock.Now()})
	d.newEpoch()
}

// Seal seals the trail of the day and proves it, as the host's auditor does. Transactions of others
// may hold it back: it waits for them.
func (d *Day) Seal() {
	d.tb.Helper()
	s, log := d.H.Audit, d.H.AuditLog
	d.Settle()
	run(d, d.Ctx, log.Seal, sealed.SealInput{Sweep: true})
	list := run(d, d.Ctx, s.ListEvents, audit.ListEventsInput{})
	require.Empty(d.tb, list.Items)
	list, err := s.ListEventsOfPatient(d.Ctx, d.Who.ID, hmstype.Page{})
	d.done("audit.ListEventsOfPatient", err, list)
	run(d, d.Ctx, log.ProveEvent, list.Items[len(list.Items)-1].ID)
	run(d, d.Ctx, log.ProvePatient, sealed.ProvePatientInput{Patient: d.Who.ID})
	perform(d, d.Ctx, log.Verify)
	perform(d, d.Ctx, log.VerifyLog)
}

// Settle waits until nobody's transaction, of whichever test, holds back the watermark up to which
// the tenant's events can be sealed.
func (d *Day) Settle() {
	for waits := true; waits; {
		require.NoError(d.tb, d.DB.NewRaw(`SELECT EXISTS (SELECT 1 FROM hms.audit_event
			WHERE tenant_id = ? AND xid >= pg_snapshot_xmin(pg_current_snapshot()))`, d.Tenant).Scan(d.tb.Context(), &waits))
	}
}

// newEpoch registers once more after the rotation, so that both epochs' keys are in use.
func (d *Day) newEpoch() {
	p := d.register()
	got, err := d.H.Patient.Get(context.WithoutCancel(d.Ctx), p.ID)
	require.NoError(d.tb, err)
	require.Equal(d.tb, p, got)
	_, err = d.H.Patient.Register(d.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: d.Pen.Text("taken"), Gender: patient.GenderUnknown}, MRN: p.MRN,
	})
	require.ErrorIs(d.tb, err, patient.ErrMRNTaken)
	d.Pen.Error("patient.Register", err)
}
