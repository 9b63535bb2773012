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

// aCatalogue is why what shows the formulary, suppliers and places shows nothing of a patient.
const aCatalogue = "a catalogue, nobody's data"

// CategoryDetails are what people say of a category.
type CategoryDetails struct {
	Name        string `json:"name"`                  // 1 to 100 characters, unique
	Description string `json:"description,omitempty"` // up to 1000 characters
}

func (d CategoryDetails) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, d.Name, "name", 100)
	v.Text(d.Description, "description", 0, 1000)
}

// Category groups items of the formulary.
type Category struct {
	ID hmstype.MedicationCategoryID `json:"id"`
	CategoryDetails
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

type categoryRow struct {
	bun.BaseModel `bun:"table:hms.medication_category,alias:mc"`
	dbx.Header[hmstype.MedicationCategoryID]
	CategoryDetails
	NameKey string // normal form of Name
}

func (r categoryRow) category() Category {
	return Category{
		ID: r.ID, CategoryDetails: r.CategoryDetails,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateCategoryInput describes a new category.
type CreateCategoryInput struct {
	CategoryDetails
}

// Validate implements the rules above.
func (in CreateCategoryInput) Validate() error {
	var v hmstype.Validator
	in.CategoryDetails.validate(&v)
	return v.Err()
}

var opCreateCategory = usecase.Command[CreateCategoryInput, Category]{
	Name: "pharmacy.create_category", Permission: hmstype.PermPharmacyManage, Shows: usecase.Nobody[Category](aCatalogue),
	Sample: CreateCategoryInput{CategoryDetails{Name: "Antibiotics", Description: "systemic"}},
}.Declare()

// CreateCategory adds a category; [ErrNameTaken].
// Permission: [hmstype.PermPharmacyManage].
func (s *Service) CreateCategory(ctx context.Context, in CreateCategoryInput) (Category, error) {
	return opCreateCategory.Run(ctx, &s.base, in, createCategory)
}

func createCategory(ctx context.Context, db dbx.DB, in CreateCategoryInput) (Category, error) {
	row := categoryRow{
		Header: dbx.NewHeader[hmstype.MedicationCategoryID](db), CategoryDetails: in.CategoryDetails,
		NameKey: names.NameKey(in.Name),
	}
	return row.category(), dbx.Insert(ctx, db, row)
}
