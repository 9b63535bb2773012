package hmstest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// Patient registers a patient about whom nothing is known but a name.
func (e *Env) Patient(tb testing.TB) patient.Patient {
	tb.Helper()
	p, err := e.H.Patient.Register(e.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Test", Gender: patient.GenderUnknown},
	})
	require.NoError(tb, err)
	return p
}

// Encounter opens an encounter of a patient with a new doctor.
func (e *Env) Encounter(tb testing.TB, who hmstype.PatientID, class clinical.Class) clinical.Encounter {
	tb.Helper()
	encounter, err := e.H.Clinical.OpenEncounter(e.Ctx, clinical.OpenEncounterInput{
		Patient: who, Practitioner: e.User(tb, identity.RoleDoctor), Class: class,
	})
	require.NoError(tb, err)
	return encounter
}

// Service puts a service with a price in the tenant's currency into the catalogue.
func (e *Env) Service(tb testing.TB, code, price string) {
	tb.Helper()
	item, err := e.H.Billing.CreateServiceItem(e.Ctx, billing.CreateServiceItemInput{
		Code: code, ServiceDetails: billing.ServiceDetails{Name: code, Category: "test"},
	})
	require.NoError(tb, err)
	_, err = e.H.Billing.SetPrice(e.Ctx, billing.SetPriceInput{
		Service: item.ID, Amount: hmstype.MustMoney(price, "USD"), From: e.Today().AddDays(-365),
	})
	require.NoError(tb, err)
}

// Stock is an item with one batch on a shelf.
type Stock struct {
	Item     pharmacy.Item
	Batch    pharmacy.Batch
	Location hmstype.LocationID
}

// Stock creates an item with one batch that expires in a year. serviceCode may be empty.
func (e *Env) Stock(tb testing.TB, quantity hmstype.Quantity, serviceCode string) Stock {
	tb.Helper()
	unique := hmstype.NewID[hmstype.BatchID]().String()
	category, err := e.H.Pharmacy.CreateCategory(e.Ctx, pharmacy.CreateCategoryInput{
		CategoryDetails: pharmacy.CategoryDetails{Name: "Category " + unique},
	})
	require.NoError(tb, err)
	item, err := e.H.Pharmacy.CreateItem(e.Ctx, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{
			Category: category.ID, Name: "Item " + unique, Unit: "tablet", ServiceCode: serviceCode,
		},
	})
	require.NoError(tb, err)
	supplier, err := e.H.Pharmacy.CreateSupplier(e.Ctx, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{Name: "Supplier " + unique},
	})
	require.NoError(tb, err)
	location, err := e.H.Pharmacy.CreateLocation(e.Ctx, pharmacy.CreateLocationInput{
		LocationDetails: pharmacy.LocationDetails{Name: "Location " + unique},
	})
	require.NoError(tb, err)
	batch, err := e.H.Pharmacy.ReceiveBatch(e.Ctx, pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{
			Item: item.ID, Supplier: supplier.ID, BatchNumber: "B1", ExpiryDate: e.Today().AddDays(365),
		},
		Location: location.ID, Quantity: quantity, CostPrice: hmstype.MustMoney("0.10", "USD"),
		SellingPrice: hmstype.MustMoney("0.25", "USD"),
	})
	require.NoError(tb, err)
	return Stock{Item: item, Batch: batch, Location: location.ID}
}

// Bed creates an unoccupied bed in a ward of its own. serviceCode may be empty.
func (e *Env) Bed(tb testing.TB, serviceCode string) facility.Bed {
	tb.Helper()
	ward, err := e.H.Facility.CreateWard(e.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{
			Name: "Ward " + hmstype.NewID[hmstype.WardID]().String(), Type: "general", ServiceCode: serviceCode,
		},
	})
	require.NoError(tb, err)
	bed, err := e.H.Facility.CreateBed(e.Ctx, facility.CreateBedInput{
		Ward: ward.ID, BedDetails: facility.BedDetails{Number: "1", Type: "standard"},
	})
	require.NoError(tb, err)
	return bed
}

// RequireMoneyEqual requires that two amounts are the same, also in currency: 1.0 equals 1.00, which
// a comparison of the structs denies.
func RequireMoneyEqual(tb testing.TB, want, got hmstype.Money) {
	tb.Helper()
	require.True(tb, want.Equal(got), "want %s, got %s", want, got)
}
