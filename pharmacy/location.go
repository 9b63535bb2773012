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

// LocationDetails are what people say of a place where stock lies.
type LocationDetails struct {
	Name string `json:"name"` // required, up to 100 characters, unique
}

func (d LocationDetails) validate(v *hmstype.Validator) {
	names.Check(v, names.NameKey, d.Name, "name", 100)
}

// Location is a place where stock lies: a store, a ward's cupboard.
type Location struct {
	ID hmstype.LocationID `json:"id"`
	LocationDetails
	CreatedBy hmstype.ActorRef `json:"createdBy"`
	CreatedAt time.Time        `json:"createdAt,omitzero"` // UTC
	Version   int64            `json:"version"`            // counts changes, from 1
}

type locationRow struct {
	bun.BaseModel `bun:"table:hms.stock_location,alias:sl"`
	dbx.Header[hmstype.LocationID]
	LocationDetails
	NameKey string // normal form of Name
}

func (r locationRow) location() Location {
	return Location{
		ID: r.ID, LocationDetails: r.LocationDetails,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// CreateLocationInput describes a new place.
type CreateLocationInput struct {
	LocationDetails
}

// Validate implements the rules above.
func (in CreateLocationInput) Validate() error {
	var v hmstype.Validator
	in.LocationDetails.validate(&v)
	return v.Err()
}

var opCreateLocation = usecase.Command[CreateLocationInput, Location]{
	Name: "pharmacy.create_location", Permission: hmstype.PermPharmacyManage, Shows: usecase.Nobody[Location](aCatalogue),
	Sample: CreateLocationInput{LocationDetails{Name: "Main store"}},
}.Declare()

// CreateLocation adds a place for stock; [ErrNameTaken].
// Permission: [hmstype.PermPharmacyManage].
func (s *Service) CreateLocation(ctx context.Context, in CreateLocationInput) (Location, error) {
	return opCreateLocation.Run(ctx, &s.base, in, createLocation)
}

func createLocation(ctx context.Context, db dbx.DB, in CreateLocationInput) (Location, error) {
	row := locationRow{
		Header: dbx.NewHeader[hmstype.LocationID](db), LocationDetails: in.LocationDetails, NameKey: names.NameKey(in.Name),
	}
	return row.location(), dbx.Insert(ctx, db, row)
}
