package dbx

import (
	"context"
	"reflect"
	"strings"
	"time"

	"github.com/chelal/hms/hmstype"
)

// Header is embedded by the row of every entity: whose it is, which one, who made it and when,
// and how often it was changed.
type Header[I Entity] struct {
	Tenanted
	ID        I                `bun:"id,pk,type:uuid"`
	CreatedAt time.Time        // the operation's instant
	CreatedBy hmstype.ActorRef //
	Version   int64            // counts changes, from 1
}

// NewHeader gives the header of a row that the operation makes. I is made by its marker:
//
//	dbx.NewHeader[hmstype.BedID](db)
func NewHeader[I interface {
	~[16]byte
	Entity
}](db DB) Header[I] {
	return HeaderOf(db, hmstype.NewID[I]())
}

// HeaderOf is [NewHeader] for an id that the caller has made already.
func HeaderOf[I Entity](db DB, id I) Header[I] {
	return Header[I]{Tenanted: Tenanted{TenantID: db.Tenant()}, ID: id, CreatedAt: db.Now, CreatedBy: db.By(), Version: 1}
}

func (h *Header[I]) key() string        { return h.ID.String() }
func (h *Header[I]) versionRef() *int64 { return &h.Version }

// headed is a row with a [Header].
type headed interface {
	key() string
	versionRef() *int64
}

// headedRow is the pointer to such a row.
type headedRow[R any] interface {
	*R
	headed
}

// Update writes the named columns of a row whose version in the database is still the row's, and
// counts it up in both. No such row: [hmstype.ErrStale]. A caller who was told a version by a user
// sets it in the row first, or compares by [CheckVersion].
func Update[R any, P headedRow[R]](ctx context.Context, db DB, row P, columns ...string) error {
	version := row.versionRef()
	if err := UpdateVersioned(ctx, db, (*R)(row), *version, columns...); err != nil {
		return err
	}
	*version++
	return nil
}

// CheckVersion refuses a change that was made of another version than the row's, which must be
// locked: [hmstype.ErrStale].
func CheckVersion[R any, P headedRow[R]](row P, version int64) error {
	if *row.versionRef() != version {
		return hmstype.ErrStale
	}
	return nil
}

// ColumnsOf names the columns of a struct that rows embed, such as the details of an entity, by its
// bun tags: what an update of all of it writes. Fields without a tag are left out.
func ColumnsOf[D any]() []string {
	var columns []string
	t := reflect.TypeFor[D]()
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("bun"), ",")
		if name != "" && name != "-" {
			columns = append(columns, name)
		}
	}
	return columns
}
