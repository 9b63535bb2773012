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

// ItemDetails are what people say of an item of the formulary. Its name, strength and manufacturer
// together are unique.
type ItemDetails struct {
	Category    hmstype.MedicationCategoryID `bun:"category_id" json:"category"`
	Name        string                       `json:"name"`                  // 1 to 200 characters
	GenericName string                       `json:"genericName,omitempty"` // up to 200 characters
	Strength    string                       `json:"strength,omitempty"`    // such as "500 mg", up to 50 characters
	// Unit is the base unit that stock is counted in, such as "tablet"; 1 to 20 characters.
	Unit         string `json:"unit"`
	Form         string `json:"form,omitempty"`                         // such as "capsule", up to 50 characters
	Manufacturer string `json:"manufacturer,omitempty"`                 // up to 200 characters
	RxNormCode   string `bun:"rxnorm_code" json:"rxNormCode,omitempty"` // up to 50 characters
	ATCCode      string `bun:"atc_code" json:"atcCode,omitempty"`       // up to 50 characters
	// ServiceCode is the code in the service catalogue of one base unit; empty charges nothing.
	ServiceCode string `json:"serviceCode,omitempty"`
	// ReorderLevel, in base units: stock at or below it is low; zero means never.
	ReorderLevel hmstype.Quantity `json:"reorderLevel"`
}

func (d ItemDetails) validate(v *hmstype.Validator) {
	v.Required(!d.Category.IsZero(), "category")
	names.Check(v, names.NameKey, d.Name, "name", 200)
	v.Text(d.GenericName, "genericName", 0, 200)
	names.CheckOptional(v, names.CodeKey, d.Strength, "strength", 50)
	v.Text(d.Unit, "unit", 1, 20)
	names.CheckOptional(v, names.NameKey, d.Manufacturer, "manufacturer", 200)
	v.Text(d.Form, "form", 0, 50)
	v.Text(d.RxNormCode, "rxNormCode", 0, 50)
	v.Text(d.ATCCode, "atcCode", 0, 50)
	names.CheckOptional(v, names.CodeKey, d.ServiceCode, "serviceCode", 50)
	v.Check(d.ReorderLevel >= 0 && d.ReorderLevel <= hmstype.MaxQuantity, "reorderLevel", "must not be negative")
}

// Item is an item of the formulary (FHIR Medication).
type Item struct {
	ID hmstype.MedicationItemID `json:"id"`
	ItemDetails
	Active    bool             `json:"active"` // may be handed out
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

// medicine says what the item is.
func (i Item) medicine() hmstype.Medicine {
	m := hmstype.Medicine{
		Item: i.ID, Name: i.Name, GenericName: i.GenericName, Strength: i.Strength, Form: i.Form, Unit: i.Unit,
	}
	if i.RxNormCode != "" {
		m.Codes = append(m.Codes, hmstype.Code{System: hmstype.SystemRxNorm, Value: i.RxNormCode})
	}
	if i.ATCCode != "" {
		m.Codes = append(m.Codes, hmstype.Code{System: hmstype.SystemATC, Value: i.ATCCode})
	}
	return m
}

// itemKeys are the normal forms of what an item is known by.
type itemKeys struct {
	NameKey         string
	StrengthKey     string
	ManufacturerKey string
}

func (d ItemDetails) keys() itemKeys {
	return itemKeys{names.NameKey(d.Name), names.CodeKey(d.Strength), names.NameKey(d.Manufacturer)}
}

type itemRow struct {
	bun.BaseModel `bun:"table:hms.medication_item,alias:mi"`
	dbx.Header[hmstype.MedicationItemID]
	ItemDetails
	itemKeys
	IsActive bool
}

func (r itemRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r itemRow) item() Item {
	return Item{
		ID: r.ID, ItemDetails: r.ItemDetails, Active: r.IsActive,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// sampleItem is what the declarations' samples say of an item.
var sampleItem = ItemDetails{
	Name: "Amoxicillin", GenericName: "amoxicillin", Strength: "500 mg", Unit: "tablet", Form: "capsule",
	Manufacturer: "Acme", RxNormCode: "723", ATCCode: "J01CA04", ServiceCode: "TABLET", ReorderLevel: 10,
}

// CreateItemInput describes a new item, which may be handed out at once.
type CreateItemInput struct {
	ItemDetails
}

// Validate implements the rules above.
func (in CreateItemInput) Validate() error {
	var v hmstype.Validator
	in.ItemDetails.validate(&v)
	return v.Err()
}

var opCreateItem = usecase.Command[CreateItemInput, Item]{
	Name: "pharmacy.create_item", Permission: hmstype.PermPharmacyManage, Shows: usecase.Nobody[Item](aCatalogue),
	Sample: CreateItemInput{sampleItem},
}.Declare()

// CreateItem adds an active item; [ErrNameTaken].
// Permission: [hmstype.PermPharmacyManage].
func (s *Service) CreateItem(ctx context.Context, in CreateItemInput) (Item, error) {
	return opCreateItem.Run(ctx, &s.base, in, createItem)
}

func createItem(ctx context.Context, db dbx.DB, in CreateItemInput) (Item, error) {
	row := itemRow{
		Header: dbx.NewHeader[hmstype.MedicationItemID](db), ItemDetails: in.ItemDetails, itemKeys: in.keys(), IsActive: true,
	}
	return row.item(), dbx.Insert(ctx, db, row)
}

// UpdateItemInput replaces an item's particulars.
type UpdateItemInput struct {
	ID      hmstype.MedicationItemID `json:"id"`      // required
	Version int64                    `json:"version"` // the version that the caller read; required
	ItemDetails
	Active bool `json:"active"` // false takes it off the formulary: it is not handed out any more
}

// Validate implements the rules above.
func (in UpdateItemInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	v.Check(in.Version >= 1, "version", "must be that of the item")
	in.ItemDetails.validate(&v)
	return v.Err()
}

var opUpdateItem = usecase.Command[UpdateItemInput, Item]{
	Name: "pharmacy.update_item", Permission: hmstype.PermPharmacyManage, Shows: usecase.Nobody[Item](aCatalogue),
	Sample: UpdateItemInput{Version: 1, ItemDetails: sampleItem, Active: true},
}.Declare()

// UpdateItem replaces an item's particulars; [hmstype.ErrStale] where somebody else was faster.
// Permission: [hmstype.PermPharmacyManage].
func (s *Service) UpdateItem(ctx context.Context, in UpdateItemInput) (Item, error) {
	return opUpdateItem.Run(ctx, &s.base, in, updateItem)
}

func updateItem(ctx context.Context, db dbx.DB, in UpdateItemInput) (Item, error) {
	row, err := dbx.Get[itemRow](ctx, db, "medication_item", in.ID, dbx.ForUpdate)
	if err != nil {
		return Item{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return Item{}, err
	}
	row.ItemDetails, row.itemKeys, row.IsActive = in.ItemDetails, in.keys(), in.Active
	err = dbx.Update(ctx, db, &row, "category_id", "name", "name_key", "generic_name", "strength", "strength_key", "unit",
		"form", "manufacturer", "manufacturer_key", "rxnorm_code", "atc_code", "service_code", "reorder_level", "is_active")
	return row.item(), err
}

var opGetItem = usecase.Query[usecase.ByID[hmstype.MedicationItemID], Item]{
	Name: "pharmacy.get_item", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[Item](aCatalogue), Quiet: aCatalogue,
}.Declare()

// GetItem gives an item of the formulary.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) GetItem(ctx context.Context, id hmstype.MedicationItemID) (Item, error) {
	return opGetItem.Run(ctx, &s.base, usecase.ID(id), getItem)
}

func getItem(ctx context.Context, db dbx.DB, in usecase.ByID[hmstype.MedicationItemID]) (Item, error) {
	row, err := dbx.Get[itemRow](ctx, db, "medication_item", in.ID)
	return row.item(), err
}

var opListItems = usecase.Query[usecase.Paged, hmstype.List[Item]]{
	Name: "pharmacy.list_items", Permission: hmstype.PermPharmacyRead,
	Shows: usecase.Nobody[hmstype.List[Item]](aCatalogue), Quiet: aCatalogue,
}.Declare()

// ListItems lists the formulary, oldest first.
// Permission: [hmstype.PermPharmacyRead].
func (s *Service) ListItems(ctx context.Context, page hmstype.Page) (hmstype.List[Item], error) {
	return opListItems.Run(ctx, &s.base, usecase.Paged{Page: page}, items)
}

func items(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[Item], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{}, itemRow.item)
}
