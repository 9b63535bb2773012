package pharmacy

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// Category groups items of the formulary.
type Category struct {
	ID          hmstype.MedicationCategoryID
	Name        string // 1 to 100 characters, unique up to case, space and kind of dash
	Description string // up to 1000 characters
	CreatedAt   time.Time
	Version     int64
}

// Validate checks what the caller gives: Name and Description.
func (c Category) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, c.Name, "name", 100)
	v.Text(c.Description, "description", 0, 1000)
	return v.Err()
}

type categoryRow struct {
	bun.BaseModel `bun:"table:hms.medication_category,alias:mc"`
	dbx.Tenanted
	ID          hmstype.MedicationCategoryID `bun:"id,pk"`
	Name        string
	NameKey     string // twin of Name
	Description string
	CreatedAt   time.Time
	Version     int64
}

// CreateCategory adds a category; ID, CreatedAt and Version are set by the service.
func (s *Service) CreateCategory(ctx context.Context, in Category) (Category, error) {
	op := usecase.Op{Name: "pharmacy.create_category", Permission: hmstype.PermPharmacyManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Category) (Category, error) {
		in.ID, in.CreatedAt, in.Version = hmstype.NewID[hmstype.MedicationCategoryID](), db.Now, 1
		return in, dbx.Insert(ctx, db, categoryRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: in.ID, Name: in.Name, NameKey: names.NameKey(in.Name),
			Description: in.Description, CreatedAt: in.CreatedAt, Version: 1,
		})
	})
}

// Item is an item of the formulary (FHIR Medication).
type Item struct {
	ID           hmstype.MedicationItemID
	Category     hmstype.MedicationCategoryID // required
	Name         string                       // required, up to 200 characters; unique with strength and manufacturer, up to case, space and kind of dash
	GenericName  string                       // up to 200 characters
	Strength     string                       // such as "500 mg", up to 50 characters
	Unit         string                       // the base unit that stock is counted in, such as "tablet"; required, up to 20 characters
	Manufacturer string                       // up to 200 characters
	RxNormCode   string                       // up to 50 characters
	ServiceCode  string                       // service catalogue code of one base unit; empty charges nothing
	ReorderLevel hmstype.Quantity             // stock at or below it is low; zero means never
	Active       bool                         // may be handed out
	CreatedAt    time.Time                    // UTC
	Version      int64                        // counts changes, from 1
}

// Validate checks what the caller gives.
func (i Item) Validate() error {
	var v hmstype.Validator
	v.Required(!i.Category.IsZero(), "category")
	names.Check(&v, names.NameKey, i.Name, "name", 200)
	v.Text(i.GenericName, "genericName", 0, 200)
	names.CheckOptional(&v, names.CodeKey, i.Strength, "strength", 50)
	v.Text(i.Unit, "unit", 1, 20)
	names.CheckOptional(&v, names.NameKey, i.Manufacturer, "manufacturer", 200)
	v.Text(i.RxNormCode, "rxNormCode", 0, 50)
	names.CheckOptional(&v, names.CodeKey, i.ServiceCode, "serviceCode", 50)
	v.Check(i.ReorderLevel >= 0 && i.ReorderLevel <= hmstype.MaxQuantity, "reorderLevel", "must not be negative")
	return v.Err()
}

func (i Item) codes() []hmstype.Code {
	if i.RxNormCode == "" {
		return nil
	}
	return []hmstype.Code{{System: hmstype.SystemRxNorm, Value: i.RxNormCode}}
}

type itemRow struct {
	bun.BaseModel `bun:"table:hms.medication_item,alias:mi"`
	dbx.Tenanted
	ID              hmstype.MedicationItemID `bun:"id,pk"`
	CategoryID      hmstype.MedicationCategoryID
	Name            string
	NameKey         string // twin of Name
	GenericName     string
	Strength        string
	StrengthKey     string // twin of Strength
	Unit            string
	Manufacturer    string
	ManufacturerKey string // twin of Manufacturer
	RxnormCode      string
	ServiceCode     string
	ReorderLevel    hmstype.Quantity
	IsActive        bool
	CreatedAt       time.Time
	Version         int64
}

func (r itemRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r *itemRow) set(i Item) {
	r.CategoryID, r.Name, r.GenericName, r.Strength, r.Unit = i.Category, i.Name, i.GenericName, i.Strength, i.Unit
	r.Manufacturer, r.RxnormCode, r.ServiceCode, r.ReorderLevel, r.IsActive = i.Manufacturer, i.RxNormCode, i.ServiceCode, i.ReorderLevel, i.Active
	r.NameKey, r.StrengthKey, r.ManufacturerKey = names.NameKey(i.Name), names.CodeKey(i.Strength), names.NameKey(i.Manufacturer)
}

func (r itemRow) item() Item {
	return Item{
		ID: r.ID, Category: r.CategoryID, Name: r.Name, GenericName: r.GenericName, Strength: r.Strength, Unit: r.Unit,
		Manufacturer: r.Manufacturer, RxNormCode: r.RxnormCode, ServiceCode: r.ServiceCode, ReorderLevel: r.ReorderLevel,
		Active: r.IsActive, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateItem adds an active item; ID, Active, CreatedAt and Version are set by the service.
func (s *Service) CreateItem(ctx context.Context, in Item) (Item, error) {
	op := usecase.Op{Name: "pharmacy.create_item", Permission: hmstype.PermPharmacyManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Item) (Item, error) {
		in.Active = true
		row := itemRow{Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.MedicationItemID](), CreatedAt: db.Now, Version: 1}
		row.set(in)
		return row.item(), dbx.Insert(ctx, db, row)
	})
}

// UpdateItem replaces an item's particulars; ID and Version say which. [hmstype.ErrStale].
func (s *Service) UpdateItem(ctx context.Context, in Item) (Item, error) {
	op := usecase.Op{Name: "pharmacy.update_item", Permission: hmstype.PermPharmacyManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Item) (Item, error) {
		row, err := dbx.Get[itemRow](ctx, db, "medication item", in.ID)
		if err != nil {
			return Item{}, err
		}
		row.set(in)
		err = dbx.UpdateVersioned(ctx, db, &row, in.Version, "category_id", "name", "name_key", "generic_name", "strength", "strength_key",
			"unit", "manufacturer", "manufacturer_key", "rxnorm_code", "service_code", "reorder_level", "is_active")
		row.Version = in.Version + 1
		return row.item(), err
	})
}

// GetItem gives an item of the formulary.
func (s *Service) GetItem(ctx context.Context, id hmstype.MedicationItemID) (Item, error) {
	op := usecase.Op{Name: "pharmacy.item", Permission: hmstype.PermPharmacyRead}
	return usecase.Read(ctx, &s.base, op, usecase.ByID[hmstype.MedicationItemID]{ID: id},
		func(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.MedicationItemID]) (Item, error) {
			row, err := dbx.Get[itemRow](ctx, db, "medication item", in.ID)
			return row.item(), err
		})
}

// Items lists the formulary, oldest first.
func (s *Service) Items(ctx context.Context, page hmstype.Page) (hmstype.List[Item], error) {
	op := usecase.Op{Name: "pharmacy.items", Permission: hmstype.PermPharmacyRead}
	return usecase.Read(ctx, &s.base, op, usecase.Paged{Page: page}, func(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[Item], error) {
		rows, next, err := dbx.Page[itemRow](ctx, db, in.Page, dbx.Order{})
		list := hmstype.List[Item]{Items: make([]Item, len(rows)), Next: next}
		for i, r := range rows {
			list.Items[i] = r.item()
		}
		return list, err
	})
}

// Supplier delivers medication (FHIR Organization).
type Supplier struct {
	ID            hmstype.SupplierID
	Name          string // required, up to 200 characters, unique up to case, space and kind of dash
	ContactPerson string // up to 200 characters
	PhoneNumber   string // up to 30 characters
	Email         string // up to 254 characters
	Address       string // up to 500 characters
	Active        bool
	CreatedAt     time.Time
	Version       int64
}

// Validate checks what the caller gives.
func (s Supplier) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, s.Name, "name", 200)
	v.Text(s.ContactPerson, "contactPerson", 0, 200)
	v.Text(s.PhoneNumber, "phoneNumber", 0, 30)
	v.Text(s.Email, "email", 0, 254)
	v.Text(s.Address, "address", 0, 500)
	return v.Err()
}

type supplierRow struct {
	bun.BaseModel `bun:"table:hms.supplier,alias:su"`
	dbx.Tenanted
	ID            hmstype.SupplierID `bun:"id,pk"`
	Name          string
	NameKey       string // twin of Name
	ContactPerson string
	PhoneNumber   string
	Email         string
	Address       string
	IsActive      bool
	CreatedAt     time.Time
	Version       int64
}

// CreateSupplier adds an active supplier; ID, Active, CreatedAt and Version are set by the service.
func (s *Service) CreateSupplier(ctx context.Context, in Supplier) (Supplier, error) {
	op := usecase.Op{Name: "pharmacy.create_supplier", Permission: hmstype.PermPharmacyManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Supplier) (Supplier, error) {
		in.ID, in.Active, in.CreatedAt, in.Version = hmstype.NewID[hmstype.SupplierID](), true, db.Now, 1
		return in, dbx.Insert(ctx, db, supplierRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: in.ID, Name: in.Name, NameKey: names.NameKey(in.Name),
			ContactPerson: in.ContactPerson, PhoneNumber: in.PhoneNumber, Email: in.Email, Address: in.Address, IsActive: true, CreatedAt: in.CreatedAt, Version: 1,
		})
	})
}

// Location is a place where stock lies: a store, a ward's cupboard.
type Location struct {
	ID        hmstype.LocationID
	Name      string // required, up to 100 characters, unique up to case, space and kind of dash
	CreatedAt time.Time
	Version   int64
}

// Validate checks what the caller gives: the name.
func (l Location) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.NameKey, l.Name, "name", 100)
	return v.Err()
}

type locationRow struct {
	bun.BaseModel `bun:"table:hms.stock_location,alias:sl"`
	dbx.Tenanted
	ID        hmstype.LocationID `bun:"id,pk"`
	Name      string
	NameKey   string // twin of Name
	CreatedAt time.Time
	Version   int64
}

// CreateLocation adds a place for stock.
func (s *Service) CreateLocation(ctx context.Context, in Location) (Location, error) {
	op := usecase.Op{Name: "pharmacy.create_location", Permission: hmstype.PermPharmacyManage}
	return usecase.Write(ctx, &s.base, op, in, func(ctx context.Context, db dbx.DB, in Location) (Location, error) {
		in.ID, in.CreatedAt, in.Version = hmstype.NewID[hmstype.LocationID](), db.Now, 1
		return in, dbx.Insert(ctx, db, locationRow{
			Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: in.ID, Name: in.Name, NameKey: names.NameKey(in.Name), CreatedAt: in.CreatedAt, Version: 1,
		})
	})
}
