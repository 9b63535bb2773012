package day

import (
	"iter"
	"reflect"
	"time"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

// disclosures tells others about the patient, and the patient about it.
func (d *Day) disclosures() {
	s := d.H.Audit
	given := run(d, d.Ctx, s.RecordDisclosure, audit.RecordDisclosureInput{
		Patient:           d.Who.ID,
		DisclosureDetails: audit.DisclosureDetails{DisclosedAt: d.Clock.Now(), Basis: audit.BasisLawEnforcement},
		Suspension:        audit.Suspension{At: d.Clock.Now(), Until: d.Clock.Now().Add(time.Hour)},
	})
	given = run(d, d.Ctx, s.SuspendDisclosure, audit.SuspendDisclosureInput{
		ID: given.ID, Version: given.Version,
		Suspension: audit.Suspension{At: d.Clock.Now(), Until: d.Clock.Now().Add(2 * time.Hour)},
	})
	asked := audit.ListDisclosuresInput{Patient: d.Who.ID, ForStaff: true}
	run(d, d.Ctx, s.ListDisclosures, asked)
	run(d, d.Ctx, s.ListDisclosureSummaries, audit.ListDisclosureSummariesInput(asked))
	run(d, d.Ctx, d.H.AuditLog.ProveDisclosures, sealed.ProveDisclosuresInput{Patient: d.Who.ID, ForStaff: true})
	run(d, d.Ctx, s.EnterDisclosureInError, audit.EnterDisclosureInErrorInput{ID: given.ID, Version: given.Version})
	run(d, d.Ctx, s.GetDisclosureHistory, given.ID)
}

// office keeps the records' rules.
func (d *Day) office() {
	s := d.H.Audit
	run(d, d.Ctx, s.SetRetentionPolicy, audit.SetRetentionPolicyInput{
		RetentionPolicyDetails: audit.RetentionPolicyDetails{
			Category: audit.CategoryAccess, Jurisdiction: "DE", KeepMonths: 120,
		},
	})
	perform(d, d.Ctx, s.ListRetentionPolicies)
	hold := run(d, d.Ctx, s.PlaceLegalHold,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: d.Who.ID}})
	run(d, d.Ctx, s.ListLegalHolds, audit.ListLegalHoldsInput{})
	run(d, d.Ctx, d.H.AuditLog.PlanRetention, sealed.PlanRetentionInput{})
	run(d, d.Ctx, s.ReleaseLegalHold, audit.ReleaseLegalHoldInput{ID: hold.ID})
	run(d, d.Ctx, d.H.Encryption.Erase, encryption.EraseInput{Patient: d.register().ID})
	run(d, d.Ctx, d.H.Encryption.ListErasures, hmstype.Page{})
}

// questions asks the trail.
func (d *Day) questions() {
	s := d.H.Audit
	report := audit.ListAccessesInput{Patient: d.Who.ID}
	run(d, d.Ctx, s.ListAccesses, report)
	run(d, d.Ctx, s.ListAccessTotals, audit.ListAccessTotalsInput(report))
	drainAll(d, "audit.ExportAccesses", s.ExportAccesses(d.Ctx, audit.ExportAccessesInput(report)))
	drainAll(d, "audit.ExportEvents", s.ExportEvents(d.Ctx, audit.ExportEventsInput{Patient: d.Who.ID}))
	nothing := audit.ListEventsInput{}
	d.feed(reflect.ValueOf(&nothing).Elem(), "audit.ExportEvents")
	for _, err := range s.ExportEvents(d.Ctx, audit.ExportEventsInput(nothing)) {
		d.check(err, "audit.ExportEvents")
		d.require(false, "audit.ExportEvents exports events of names that nobody has")
	}
	list, err := s.ListEventsOfUser(d.Ctx, d.user.ID, hmstype.Page{})
	d.done("audit.ListEventsOfUser", err, list)
	entity, id := d.Pen.Text("audit.ListEventsOfObject"), d.Pen.Text("audit.ListEventsOfObject")
	d.Pen.Goes("audit.ListEventsOfObject", entity)
	list, err = s.ListEventsOfObject(d.Ctx, entity, id, hmstype.Page{})
	d.done("audit.ListEventsOfObject", err, list)
	// the trail's clock is the server's
	during := hmstype.Period{Start: time.Now().Add(-time.Hour), End: time.Now().Add(time.Hour)}
	run(d, d.Ctx, s.ListExposures, audit.ListExposuresInput{During: during})
	exposed, err := s.ListExposuresTo(d.Ctx, audit.ListExposuresToInput{Patient: d.Who.ID, During: during})
	d.done("audit.ListExposuresTo", err, exposed)
	run(d, d.Ctx, s.ListUnusual, audit.ListUnusualInput{Suspicion: audit.SuspicionOwnRecord, During: during})
	user := run(d, d.Ctx, d.H.Identity.GetUser, d.user.ID)
	run(d, d.Ctx, d.H.Identity.LinkPatient,
		identity.LinkPatientInput{User: user.ID, Version: user.Version, Patient: d.Who.ID})
}

// drainAll reads a stream to its end.
func drainAll[T any](d *Day, name string, stream iter.Seq2[T, error]) {
	d.t.Helper()
	var all []T
	for item, err := range stream {
		d.done(name, err, item)
		all = append(all, item)
	}
	d.require(len(all) > 0, "%s gives nothing", name)
}
