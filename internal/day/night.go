package day

import (
	"context"
	"errors"
	"reflect"
	"time"

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
	sealed := perform(d, d.Ctx, d.H.Encryption.Verify)
	d.require(sealed.Clean(), "%s", sealed)
	d.done("encryption.Rewrap", d.H.Encryption.Rewrap(d.Ctx), hmstype.Secret(""))
	d.relay()
	run(d, d.Ctx, d.H.Outbox.Purge, outbox.PurgeInput{DeliveredBefore: d.Clock.Now()})
	d.newEpoch()
}

// relay delivers the events of the day. The bus is down at first, then refuses two events for good: one it gets after
// all, the other one never.
func (d *Day) relay() {
	down := errors.New("the bus is down")
	refusals := []error{down, outbox.ErrUndeliverable, outbox.ErrUndeliverable}
	_, err := d.H.Outbox.Relay(d.Ctx, func(_ context.Context, e outbox.Event) error {
		d.Pen.Event(e)
		if len(refusals) == 0 {
			return nil
		}
		refused := refusals[0]
		refusals = refusals[1:]
		return refused
	})
	d.require(errors.Is(err, down), "the outbox is empty: %v", err)
	dead := run(d, d.Ctx, d.H.Outbox.ListEvents, outbox.ListEventsInput{Status: outbox.StatusDead}).Items
	backlog := perform(d, d.Ctx, d.H.Outbox.CountUndelivered)
	d.require(len(dead) == 2 && backlog.Dead.Count == 2, "%d dead events of %d", len(dead), backlog.Dead.Count)
	run(d, d.Ctx, d.H.Outbox.DiscardEvent, outbox.DiscardEventInput{Event: dead[0].ID})
	run(d, d.Ctx, d.H.Outbox.RetryEvents, outbox.RetryEventsInput{Events: []hmstype.OutboxEventID{dead[1].ID}})
	n, err := d.H.Outbox.Relay(d.Ctx, func(_ context.Context, e outbox.Event) error { d.Pen.Event(e); return nil })
	d.done("outbox.Relay", err, n)
	d.require(n.Delivered > 0, "nothing was delivered")
}

// Seal seals the trail of the day and proves it, as the host's auditor does. Transactions of others
// may hold it back: it waits for them.
func (d *Day) Seal() {
	d.t.Helper()
	s, log := d.H.Audit, d.H.AuditLog
	d.Settle()
	report := run(d, d.Ctx, log.Seal, sealed.SealInput{Sweep: true})
	list := run(d, d.Ctx, s.ListEvents, audit.ListEventsInput{})
	d.require(len(list.Items) == 0, "the trail knows names that nobody has")
	list, err := s.ListEventsOfPatient(d.Ctx, d.Who.ID, hmstype.Page{})
	d.done("audit.ListEventsOfPatient", err, list)
	run(d, d.Ctx, log.ProveEvent, list.Items[len(list.Items)-1].ID)
	run(d, d.Ctx, log.ProvePatient, sealed.ProvePatientInput{Patient: d.Who.ID})
	perform(d, d.Ctx, log.Verify)
	perform(d, d.Ctx, log.VerifyLog)
	d.restore(report.Checkpoint.Time)
}

// restore does what follows a restore, although there was none: the log goes on, and who was erased is still.
func (d *Day) restore(to time.Time) {
	run(d, d.Ctx, d.H.AuditLog.Restored, sealed.RestoredInput{To: to, Reason: d.Pen.Text("restore"), Margin: 10})
	list := perform(d, d.Ctx, d.H.AuditLog.ListRestorations)
	d.require(len(list.List) == 1, "%d restores are on record", len(list.List))
	perform(d, d.Ctx, d.H.Encryption.PublishErasures)
	replayed := perform(d, d.Ctx, d.H.Encryption.ReplayErasures)
	d.require(replayed.Entries == replayed.Standing && replayed.Entries > 0, "the ledger: %+v", replayed)
}

// Settle waits until nobody's transaction, of whichever test, holds back the watermark up to which
// the tenant's events can be sealed. It reads no table, so that any role may ask.
func (d *Day) Settle() {
	var now string
	err := d.DB.NewRaw(`SELECT pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(d.t.Context(), &now)
	d.check(err, "the watermark of the log")
	for waits := true; waits; {
		err := d.DB.NewRaw(`SELECT pg_snapshot_xmin(pg_current_snapshot()) < ?::xid8`, now).Scan(d.t.Context(), &waits)
		d.check(err, "the watermark of the log")
	}
}

// newEpoch registers once more after the rotation, so that both epochs' keys are in use.
func (d *Day) newEpoch() {
	p := d.register()
	got, err := d.H.Patient.Get(context.WithoutCancel(d.Ctx), p.ID)
	d.check(err, "patient.Get")
	d.require(reflect.DeepEqual(p, got), "patient.Get gives another patient than was registered")
	_, err = d.H.Patient.Register(d.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: d.Pen.Text("taken"), Gender: patient.GenderUnknown}, MRN: p.MRN,
	})
	d.require(errors.Is(err, patient.ErrMRNTaken), "a number is given twice: %v", err)
	d.Pen.Error("patient.Register", err)
}
