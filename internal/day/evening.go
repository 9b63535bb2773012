package day

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/pharmacy"
)

// evening leaves what is still open now: whoever is to act on the day's entities finds some that nothing
// has happened to yet, an account with a second factor, and the service that the declarations' samples
// name.
func (d *Day) evening() {
	d.enrol(d.Person(d.Role))
	d.task(inbox.Recipient{User: d.userOf(d.other)}, false)
	d.labOrder(d.test)
	tomorrow := d.Clock.Now().Add(24 * time.Hour)
	run(d, d.Ctx, d.H.Scheduling.Book, scheduling.BookInput{
		Patient: d.Who.ID, Practitioner: d.user.ID,
		Period: hmstype.Period{Start: tomorrow, End: tomorrow.Add(30 * time.Minute)},
	})
	run(d, d.Ctx, d.H.Identity.AssignDuty, identity.AssignDutyInput{
		User: d.user.ID, Kind: identity.DutyOnCall, Period: hmstype.Period{Start: tomorrow, End: tomorrow.Add(8 * time.Hour)},
	})
	tab := run(d, d.Ctx, d.H.Billing.CreateServiceItem, billing.CreateServiceItemInput{
		Code: "TAB", ServiceDetails: billing.ServiceDetails{TaxPercent: decimal.NewFromInt(7)},
	})
	run(d, d.Ctx, d.H.Billing.SetPrice, billing.SetPriceInput{
		Service: tab.ID, Amount: hmstype.MustMoney("0.25", "USD"), From: hmstype.DateOf(d.Clock.Now(), time.UTC),
	})
	run(d, d.Ctx, d.H.Pharmacy.CreateItem, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: d.item.Category, ServiceCode: d.service.Code},
	})
	run(d, d.Ctx, d.H.Clinical.StopPrescription, clinical.StopPrescriptionInput{ID: d.rx}) // or the next is one too many
	run(d, d.Ctx, d.H.Clinical.Prescribe, clinical.PrescribeInput{
		Encounter: d.Visit, Codes: []hmstype.Code{{}}, Overrides: d.twice(),
		PrescriptionDetails: clinical.PrescriptionDetails{
			Medication: d.item.ID, Dosage: d.dosage(), Quantity: 40, RefillsAllowed: 1,
		},
	})
}
