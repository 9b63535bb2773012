package billing

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// ServiceItem is something that can be charged (FHIR ChargeItemDefinition).
type ServiceItem struct {
	ID   hmstype.ServiceID `json:"id"`
	Code string            `json:"code"` // 1 to 50 characters, unique up to case, space and kind of dash, never changed
	ServiceDetails
	Active    bool             `json:"active"`             // an inactive service takes no new charges
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	Version   int64            `json:"version"` // counts changes, from 1
}

// ServiceDetails are what people say of a service, and may change later.
type ServiceDetails struct {
	Name       string          `bun:"name" json:"name"`              // required, up to 200 characters; stands on the bill
	Category   string          `bun:"category" json:"category"`      // required, up to 100 characters
	TaxPercent decimal.Decimal `bun:"tax_percent" json:"taxPercent"` // 0 to 100, at most four places
}

func (d ServiceDetails) validate(v *hmstype.Validator) {
	v.Text(d.Name, "name", 1, 200)
	v.Text(d.Category, "category", 1, 100)
	checkPercent(v, d.TaxPercent, "taxPercent")
}

type serviceItemRow struct {
	bun.BaseModel `bun:"table:hms.service_item,alias:si"`
	dbx.Header[hmstype.ServiceID]
	Code    string
	CodeKey string // normal form of Code
	ServiceDetails
	IsActive bool
}

func (r serviceItemRow) Position() hmstype.Position { return hmstype.Position{ID: r.ID.UUID()} }

func (r serviceItemRow) item() ServiceItem {
	return ServiceItem{
		ID: r.ID, Code: r.Code, ServiceDetails: r.ServiceDetails, Active: r.IsActive,
		CreatedAt: r.CreatedAt.UTC(), CreatedBy: r.CreatedBy, Version: r.Version,
	}
}

// CreateServiceItemInput describes a service, active at once; its price comes by [Service.SetPrice].
type CreateServiceItemInput struct {
	Code string `json:"code"` // required, up to 50 characters
	ServiceDetails
}

// Validate implements the rules above.
func (in CreateServiceItemInput) Validate() error {
	var v hmstype.Validator
	names.Check(&v, names.CodeKey, in.Code, "code", 50)
	in.ServiceDetails.validate(&v)
	return v.Err()
}

var opCreateServiceItem = usecase.Command[CreateServiceItemInput, ServiceItem]{
	Name: "billing.create_service_item", Permission: hmstype.PermBillingManage,
	Shows: usecase.Nobody[ServiceItem](aCatalogue),
	Sample: CreateServiceItemInput{
		Code:           "CONSULT",
		ServiceDetails: ServiceDetails{Name: "Consultation", Category: "Consultation", TaxPercent: decimal.NewFromInt(5)},
	},
}.Declare()

// CreateServiceItem adds a service to the catalogue; [ErrServiceCodeTaken].
// Permission: [hmstype.PermBillingManage].
func (s *Service) CreateServiceItem(ctx context.Context, in CreateServiceItemInput) (ServiceItem, error) {
	return opCreateServiceItem.Run(ctx, &s.base, in, createServiceItem)
}

func createServiceItem(ctx context.Context, db dbx.DB, in CreateServiceItemInput) (ServiceItem, error) {
	row := serviceItemRow{
		Header: dbx.NewHeader[hmstype.ServiceID](db), Code: in.Code, CodeKey: names.CodeKey(in.Code),
		ServiceDetails: in.ServiceDetails, IsActive: true,
	}
	done, err := dbx.InsertIfFree(ctx, db, &row)
	if err == nil && !done {
		err = ErrServiceCodeTaken
	}
	return row.item(), err
}

// UpdateServiceItemInput changes what future charges copy; captured ones keep theirs.
type UpdateServiceItemInput struct {
	ID      hmstype.ServiceID `json:"id"`      // required
	Version int64             `json:"version"` // the version that the caller read
	ServiceDetails
	Active bool `json:"active"` // false takes the service out of use
}

// Validate implements the rules above.
func (in UpdateServiceItemInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.ID.IsZero(), "id")
	in.ServiceDetails.validate(&v)
	return v.Err()
}

var opUpdateServiceItem = usecase.Command[UpdateServiceItemInput, ServiceItem]{
	Name: "billing.update_service_item", Permission: hmstype.PermBillingManage,
	Shows: usecase.Nobody[ServiceItem](aCatalogue),
	Sample: UpdateServiceItemInput{
		Version: 1, Active: true, ServiceDetails: ServiceDetails{Name: "Consultation", Category: "Consultation"},
	},
}.Declare()

// UpdateServiceItem changes a service; [hmstype.ErrStale] where it changed since it was read.
// Permission: [hmstype.PermBillingManage].
func (s *Service) UpdateServiceItem(ctx context.Context, in UpdateServiceItemInput) (ServiceItem, error) {
	return opUpdateServiceItem.Run(ctx, &s.base, in, updateServiceItem)
}

func updateServiceItem(ctx context.Context, db dbx.DB, in UpdateServiceItemInput) (ServiceItem, error) {
	row, err := dbx.Get[serviceItemRow](ctx, db, "service_item", in.ID, dbx.ForUpdate)
	if err != nil {
		return ServiceItem{}, err
	}
	if err := dbx.CheckVersion(&row, in.Version); err != nil {
		return ServiceItem{}, err
	}
	row.ServiceDetails, row.IsActive = in.ServiceDetails, in.Active
	err = dbx.Update(ctx, db, &row, "name", "category", "tax_percent", "is_active")
	return row.item(), err
}

// aCatalogue and sumsOnly are why use cases show nothing of a patient.
const (
	aCatalogue = "a catalogue, nobody's data"
	sumsOnly   = "sums only"
)

var opListServiceItems = usecase.Query[usecase.Paged, hmstype.List[ServiceItem]]{
	Name: "billing.list_service_items", Permission: hmstype.PermServiceRead,
	Shows: usecase.Nobody[hmstype.List[ServiceItem]](aCatalogue), Quiet: aCatalogue,
}.Declare()

// ListServiceItems lists the catalogue, the oldest first.
// Permission: [hmstype.PermServiceRead].
func (s *Service) ListServiceItems(ctx context.Context, page hmstype.Page) (hmstype.List[ServiceItem], error) {
	return opListServiceItems.Run(ctx, &s.base, usecase.Paged{Page: page}, serviceItems)
}

func serviceItems(ctx context.Context, db dbx.DB, in usecase.Paged) (hmstype.List[ServiceItem], error) {
	return dbx.List(ctx, db, in.Page, dbx.Order{}, serviceItemRow.item)
}
