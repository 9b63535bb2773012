package day

import (
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/pharmacy"
)

func (d *Day) catalogue() {
	s := d.H.Billing
	created := run(d, d.Ctx, s.CreateServiceItem, billing.CreateServiceItemInput{
		ServiceDetails: billing.ServiceDetails{TaxPercent: decimal.NewFromInt(7)},
	})
	d.service = run(d, d.Ctx, s.UpdateServiceItem,
		billing.UpdateServiceItemInput{ID: created.ID, Version: created.Version, Active: true})
	today := hmstype.DateOf(d.Clock.Now(), time.UTC)
	run(d, d.Ctx, s.SetPrice,
		billing.SetPriceInput{Service: created.ID, Amount: hmstype.MustMoney("10", "USD"), From: today.AddDays(-9)})
	price := run(d, d.Ctx, s.SetPrice,
		billing.SetPriceInput{Service: created.ID, Amount: hmstype.MustMoney("11", "EUR"), From: today.AddDays(-9)})
	run(d, d.Ctx, s.EndPrice, billing.EndPriceInput{Price: price.ID, Version: price.Version, Until: today.AddDays(9)})
	run(d, d.Ctx, s.ListServiceItems, hmstype.Page{})
	run(d, d.Ctx, s.ListPrices, created.ID)
}

func (d *Day) formulary() {
	s := d.H.Pharmacy
	category := run(d, d.Ctx, s.CreateCategory, pharmacy.CreateCategoryInput{})
	item := run(d, d.Ctx, s.CreateItem, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: category.ID, ServiceCode: d.service.Code},
	})
	d.item = run(d, d.Ctx, s.UpdateItem, pharmacy.UpdateItemInput{
		ID: item.ID, Version: item.Version, Active: true,
		ItemDetails: pharmacy.ItemDetails{Category: category.ID, ServiceCode: d.service.Code},
	})
	run(d, d.Ctx, s.GetItem, item.ID)
	run(d, d.Ctx, s.ListItems, hmstype.Page{})
	supplier := run(d, d.Ctx, s.CreateSupplier, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{
			PhoneNumber: d.Pen.Phone("pharmacy.CreateSupplier.SupplierDetails.PhoneNumber"),
		},
	})
	d.location = run(d, d.Ctx, s.CreateLocation, pharmacy.CreateLocationInput{}).ID
	receive := pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{
			Item: item.ID, Supplier: supplier.ID, ExpiryDate: hmstype.DateOf(d.Clock.Now(), time.UTC).AddDays(300),
		},
		Location: d.location, Quantity: 100, CostPrice: hmstype.MustMoney("1", "USD"),
		SellingPrice: hmstype.MustMoney("2", "USD"),
	}
	d.batch = run(d, d.Ctx, s.ReceiveBatch, receive)
	held := run(d, d.Ctx, s.ReceiveBatch, receive)
	run(d, d.Ctx, s.SetBatchStatus, pharmacy.SetBatchStatusInput{ID: held.ID, Status: pharmacy.BatchHold})
	run(d, d.Ctx, s.GetBatchHistory, held.ID)
}

func (d *Day) ward() {
	s := d.H.Facility
	ward := run(d, d.Ctx, s.CreateWard, facility.CreateWardInput{
		WardDetails: facility.WardDetails{ServiceCode: d.service.Code},
	})
	bed := func() hmstype.BedID { return run(d, d.Ctx, s.CreateBed, facility.CreateBedInput{Ward: ward.ID}).ID }
	first, second, spare := bed(), bed(), bed()
	stay := run(d, d.Ctx, s.Admit, facility.AdmitInput{Encounter: d.inpatient(), Bed: first})
	d.Clock.Advance(25 * time.Hour)
	run(d, d.Ctx, s.PostBedDays, facility.PostBedDaysInput{AsOf: d.Clock.Now()})
	stay = run(d, d.Ctx, s.Transfer, facility.TransferInput{Stay: stay.ID, Bed: second})
	run(d, d.Ctx, s.GetCensus, facility.GetCensusInput{At: d.Clock.Now()})
	run(d, d.Ctx, s.OrderDischarge, stay.ID)
	d.Clock.Advance(afterwards)
	run(d, d.Ctx, s.Depart, facility.DepartInput{Stay: stay.ID})
	run(d, d.Ctx, s.MarkCleaned, first)
	run(d, d.Ctx, s.CloseBed, spare)
	run(d, d.Ctx, s.ReopenBed, spare)
	run(d, d.Ctx, s.ListBeds, facility.ListBedsInput{})
	run(d, d.Ctx, s.GetBedHistory, first)
	run(d, d.Ctx, s.GetStayHistory, stay.ID)
	run(d, d.Ctx, s.GetStay, stay.ID)
	run(d, d.Ctx, s.ListStays, facility.ListStaysInput{Ward: ward.ID})
	perform(d, d.Ctx, s.Verify)
	d.duties(ward.ID)
}

// duties puts the user on duty at a ward, for half of which somebody else stands in, and on call for a service, which
// comes to nothing.
func (d *Day) duties(ward hmstype.WardID) {
	s, now := d.H.Identity, d.Clock.Now()
	duty := run(d, d.Ctx, s.AssignDuty, identity.AssignDutyInput{
		User: d.user.ID, Kind: identity.DutyOnDuty, DutyPlace: identity.DutyPlace{Ward: ward},
		Period: hmstype.Period{Start: now, End: now.Add(8 * time.Hour)},
	})
	run(d, d.Ctx, s.StandIn, identity.StandInInput{
		Duty: duty.ID, User: d.userOf(d.other), Period: hmstype.Period{Start: now.Add(4 * time.Hour), End: duty.Period.End},
	})
	call := run(d, d.Ctx, s.AssignDuty, identity.AssignDutyInput{
		User: d.user.ID, Kind: identity.DutyOnCall, Period: hmstype.Period{Start: now, End: now.Add(8 * time.Hour)},
	})
	run(d, d.Ctx, s.CancelDuty, identity.CancelDutyInput{ID: call.ID})
	run(d, d.Ctx, s.GetDutyHistory, call.ID)
	run(d, d.Ctx, s.GetDuty, duty.ID)
	run(d, d.Ctx, s.ListDuties, identity.ListDutiesInput{User: d.user.ID})
	run(d, d.Ctx, s.ListOnDuty, identity.ListOnDutyInput{})
}
