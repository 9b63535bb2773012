package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
	"github.com/chelal/hms/pharmacy"
)

// hospital is one tenant and what happens in it today.
type hospital struct {
	h            *hms.HMS
	system       context.Context           //nolint:containedctx // of the tenant; the program's own
	staff        map[string][]hms.UserID   // by role
	items        []pharmacy.Item           // the last one is scarce
	location     hmstype.LocationID        // of the stock
	test         lab.Test                  // potassium
	analyte      hmstype.LabAnalyteID      // of the test
	wards        map[hmstype.WardID]string // names
	started      time.Time
	lived        *onceLived // the hospital that lived every use case once, where one did
	tally        tally
	acknowledged func(any) // hears of every result, where somebody listens
	mu           sync.Mutex
	random       *rand.Rand
}

var staffing = map[string]int{
	identity.RoleReceptionist: 4, identity.RoleDoctor: 6, identity.RoleNurse: 5,
	identity.RolePharmacist: 3, identity.RoleLabTechnician: 2, identity.RoleLabSupervisor: 1, identity.RoleCashier: 3,
	identity.RoleAdmin: 1,
}

// openHospital makes a tenant with staff, prices, stock, a laboratory and beds.
func openHospital(ctx context.Context, h *hms.HMS, o options) (*hospital, error) {
	tenant := hms.NewTenantID()
	d := &hospital{
		h: h, system: hms.WithActor(ctx, hms.SystemActor(tenant, "hospitalday")), staff: map[string][]hms.UserID{},
		wards: map[hmstype.WardID]string{}, started: time.Now(), random: rand.New(rand.NewPCG(o.seed, 2)),
	}
	if _, err := h.Identity.CreateTenant(d.system, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "General Hospital", TimeZone: "UTC"},
	}); err != nil {
		return nil, err
	}
	for _, step := range []func() error{d.hire, d.setPrices, d.stock, d.equipLab, d.makeBeds} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func (d *hospital) hire() error {
	for role, count := range staffing {
		for i := range count {
			user, err := d.h.Identity.CreateUser(d.system, identity.CreateUserInput{
				Profile: identity.Profile{Username: fmt.Sprintf("%s %d", role, i+1), FirstName: role, LastName: fmt.Sprint(i + 1)},
				Roles:   []string{role},
			})
			if err != nil {
				return err
			}
			d.staff[role] = append(d.staff[role], user.ID)
		}
	}
	return nil
}

func (d *hospital) setPrices() error {
	today := hmstype.DateOf(d.started, time.UTC)
	for code, price := range map[string]string{"CONSULT": "40.00", "TABLET": "0.35", "K": "12.50", "BED": "180.00"} {
		item, err := d.h.Billing.CreateServiceItem(d.system, billing.CreateServiceItemInput{
			Code: code, ServiceDetails: billing.ServiceDetails{Name: code, Category: "hospital day"},
		})
		if err != nil {
			return err
		}
		_, err = d.h.Billing.SetPrice(d.system, billing.SetPriceInput{
			Service: item.ID, Amount: hmstype.MustMoney(price, "USD"), From: today.AddDays(-30),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// medication is an item with the batches that are delivered: units and days until expiry.
var medication = []struct {
	name    string
	batches [][2]int
}{
	{"Amoxicillin 500 mg", [][2]int{{400, 20}, {2000, 200}, {2000, 400}, {100, -3}}},
	{"Ibuprofen 400 mg", [][2]int{{300, 45}, {4000, 300}}},
	{"Metformin 850 mg", [][2]int{{1500, 90}, {3000, 500}}},
	{"Insulin glargine", [][2]int{{60, 12}, {40, 30}}}, // not enough for all
}

func (d *hospital) stock() error {
	category, err := d.h.Pharmacy.CreateCategory(d.system, pharmacy.CreateCategoryInput{
		CategoryDetails: pharmacy.CategoryDetails{Name: "Medication"},
	})
	if err != nil {
		return err
	}
	supplier, err := d.h.Pharmacy.CreateSupplier(d.system, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{Name: "Medical Supplies Ltd"},
	})
	if err != nil {
		return err
	}
	location, err := d.h.Pharmacy.CreateLocation(d.system, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "Main pharmacy"},
	})
	if err != nil {
		return err
	}
	d.location = location.ID
	today := hmstype.DateOf(d.started, time.UTC)
	for _, m := range medication {
		item, err := d.h.Pharmacy.CreateItem(d.system, pharmacy.CreateItemInput{
			ItemDetails: pharmacy.ItemDetails{
				Category: category.ID, Name: m.name, Unit: "unit", ServiceCode: "TABLET", ReorderLevel: 100,
			},
		})
		if err != nil {
			return err
		}
		d.items = append(d.items, item)
		for i, batch := range m.batches {
			_, err := d.h.Pharmacy.ReceiveBatch(d.system, pharmacy.ReceiveBatchInput{
				BatchDetails: pharmacy.BatchDetails{
					Item: item.ID, Supplier: supplier.ID, BatchNumber: fmt.Sprintf("LOT-%d", i+1), ExpiryDate: today.AddDays(batch[1]),
				},
				Location: location.ID, Quantity: hmstype.Quantity(batch[0]),
				CostPrice: hmstype.MustMoney("0.10", "USD"), SellingPrice: hmstype.MustMoney("0.35", "USD"),
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *hospital) equipLab() error {
	test, err := d.h.Lab.CreateTest(d.system, lab.CreateTestInput{
		TestDetails: lab.TestDetails{
			Code: "K", LOINC: "2823-3", Name: "Potassium", Category: "Chemistry", SpecimenType: "Serum", TurnaroundMinutes: 60,
			ServiceCode: "K",
		},
		Analytes: []lab.AnalyteInput{{
			AnalyteDetails: lab.AnalyteDetails{
				Code: "K", LOINC: "2823-3", Name: "Potassium", ValueType: lab.ValueNumeric, Unit: "mmol/L",
			},
		}},
	})
	if err != nil {
		return err
	}
	d.test, d.analyte = test, test.Analytes[0].ID
	bound := func(text string) *decimal.Decimal { v := decimal.RequireFromString(text); return &v }
	_, err = d.h.Lab.AddReferenceRange(d.system, lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{
			Analyte: d.analyte, Sex: lab.SexAny, ValidFrom: hmstype.NewDate(2000, 1, 1),
			Bounds: lab.Bounds{Low: bound("3.5"), High: bound("5.1"), CriticalLow: bound("2.8"), CriticalHigh: bound("6.2")},
		},
	})
	return err
}

func (d *hospital) makeBeds() error {
	for name, beds := range map[string]int{"General": 8, "Intensive care": 2} {
		ward, err := d.h.Facility.CreateWard(d.system, facility.CreateWardInput{
			WardDetails: facility.WardDetails{Name: name, Type: "general", Capacity: beds, ServiceCode: "BED"},
		})
		if err != nil {
			return err
		}
		d.wards[ward.ID] = name
		for i := range beds {
			if _, err := d.h.Facility.CreateBed(d.system, facility.CreateBedInput{
				Ward: ward.ID, BedDetails: facility.BedDetails{Number: fmt.Sprint(i + 1), Type: "standard"},
			}); err != nil {
				return err
			}
		}
	}
	return nil
}

// as gives the context of somebody of the role.
func (d *hospital) as(role string) context.Context {
	people := d.staff[role]
	who := people[d.intn(len(people))]
	actor, err := hmstype.ActorFrom(d.system)
	if err != nil {
		return d.system // the system's actor was made above
	}
	return hms.WithActor(d.system, hms.HumanActor(actor.Tenant, who))
}

// intn gives a random number below n.
func (d *hospital) intn(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.random.IntN(n)
}

// chance is true in percent of the cases.
func (d *hospital) chance(percent int) bool { return d.intn(100) < percent }
