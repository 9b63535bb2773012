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

// SupplierDetails are what people say of a supplier.
type SupplierDetails struct {
	Name          string `json:"name"`                    // required, up to 200 characters, unique
	ContactPerson string `json:"contactPerson,omitempty"` // up to 200 characters
	PhoneNumber   string `json:"phoneNumber,omitempty"`   // up to 30 characters
	Email         string `json:"email,omitempty"`         // up to 254 characters
	Address       string `json:"address,omitempty"`       // up to 500 characters
}

func (d SupplierDetails) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, d.Name, "name", 200)
	v.Text(d.ContactPerson, "contactPerson", 0, 200)
	v.Text(d.PhoneNumber, "phoneNumber", 0, 30)
	v.Text(d.Email, "email", 0, 254)
	v.Text(d.Address, "address", 0, 500)
}

// Supplier delivers medication (FHIR Organization).
type Supplier struct {
	ID hmstype.SupplierID `json:"id"`
	SupplierDetails
	Active    bool             `json:"active"`
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

type supplierRow struct {
	bun.BaseModel `bun:"table:hms.supplier,alias:su"`
	dbx.Header[hmstype.SupplierID]
	SupplierDetails
	NameKey  string // normal form of Name
	IsActive bool
}

func (r supplierRow) supplier() Supplier {
	return Supplier{
		ID: r.ID, SupplierDetails: r.SupplierDetails, Active: r.IsActive,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateSupplierInput describes a new supplier, which is active at once.
type CreateSupplierInput struct {
	SupplierDetails
}

// Validate implements the rules above.
func (in CreateSupplierInput) Validate() error {
	var v hmstype.Validator
	in.SupplierDetails.validate(&v)
	return v.Err()
}

var opCreateSupplier = usecase.Command[CreateSupplierInput, Supplier]{
	Name: "pharmacy.create_supplier", Permission: hmstype.PermPharmacyManage, Shows: usecase.Nobody[Supplier](aCatalogue),
	Sample: CreateSupplierInput{SupplierDetails{
		Name: "Medical Supplies Ltd", ContactPerson: "A. Person", PhoneNumber: "555 0100", Email: "sales@example.org",
		Address: "1 Main St",
	}},
}.Declare()

// CreateSupplier adds an active supplier; [ErrNameTaken].
// Permission: [hmstype.PermPharmacyManage].
func (s *Service) CreateSupplier(ctx context.Context, in CreateSupplierInput) (Supplier, error) {
	return opCreateSupplier.Run(ctx, &s.base, in, createSupplier)
}

func createSupplier(ctx context.Context, db dbx.DB, in CreateSupplierInput) (Supplier, error) {
	row := supplierRow{
		Header: dbx.NewHeader[hmstype.SupplierID](db), SupplierDetails: in.SupplierDetails, NameKey: names.NameKey(in.Name),
		IsActive: true,
	}
	return row.supplier(), dbx.Insert(ctx, db, row)
}
