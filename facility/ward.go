package facility

import (
	"context"
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/names"
	"github.com/chelal/hms/internal/usecase"
)

// WardDetails are what people say of a ward.
type WardDetails struct {
	Name        string `json:"name"`                  // required, up to 100 characters, unique
	Description string `json:"description,omitempty"` // up to 1000 characters
	// such as "general", "icu", "maternity"; required, up to 50 characters
	Type        string `bun:"ward_type"        json:"type"`
	Capacity    int    `json:"capacity"`              // planned beds, 0 to 10000; what there is says the census
	ServiceCode string `json:"serviceCode,omitempty"` // service catalogue code of a day in a bed; empty charges nothing
}

func (d WardDetails) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, d.Name, "name", 100)
	v.Text(d.Description, "description", 0, 1000)
	v.Text(d.Type, "type", 1, 50)
	names.CheckOptional(v, names.CodeKey, d.ServiceCode, "serviceCode", 50)
	v.Check(d.Capacity >= 0 && d.Capacity <= 10_000, "capacity", "must lie between 0 and 10000")
}

// Ward is a ward (FHIR Location, physical type wa).
type Ward struct {
	ID hmstype.WardID `json:"id"`
	WardDetails
	Active    bool             `json:"active"`
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

type wardRow struct {
	bun.BaseModel `bun:"table:hms.ward,alias:w"`
	dbx.Header[hmstype.WardID]
	WardDetails
	NameKey  string // normal form of Name
	IsActive bool
}

func (r wardRow) ward() Ward {
	return Ward{
		ID: r.ID, WardDetails: r.WardDetails, Active: r.IsActive,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// places is why what shows wards and beds shows nothing of a patient.
const places = "places, not who lies in them"

// CreateWardInput describes a new ward, which is active at once.
type CreateWardInput struct {
	WardDetails
}

// Validate implements the rules above.
func (in CreateWardInput) Validate() error {
	var v hmstype.Validator
	in.WardDetails.validate(&v)
	return v.Err()
}

var opCreateWard = usecase.Command[CreateWardInput, Ward]{
	Name: "facility.create_ward", Permission: hmstype.PermFacilityManage, Shows: usecase.Nobody[Ward](places),
	Sample: CreateWardInput{WardDetails{
		Name: "East 2", Description: "second floor", Type: "general", Capacity: 10, ServiceCode: "BED",
	}},
}.Declare()

// CreateWard adds an active ward; [ErrNameTaken].
// Permission: [hmstype.PermFacilityManage].
func (s *Service) CreateWard(ctx context.Context, in CreateWardInput) (Ward, error) {
	return opCreateWard.Run(ctx, &s.base, in, createWard)
}

func createWard(ctx context.Context, db dbx.DB, in CreateWardInput) (Ward, error) {
	row := wardRow{
		Header: dbx.NewHeader[hmstype.WardID](db), WardDetails: in.WardDetails, NameKey: names.NameKey(in.Name),
		IsActive: true,
	}
	return row.ward(), dbx.Insert(ctx, db, row)
}
