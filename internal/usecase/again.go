package usecase

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// ReadAgain says how a command with an idempotency key gives its first result to who repeats the call: by
// the id of what it gave, which alone is kept with the key, and by the rule that reads it. What is shown is
// what is there now, as the actor may see it now: recorded, withheld and refused like any read.
func ReadAgain[I interface {
	dbx.Entity
	~[16]byte
}, Out any](
	id func(Out) I, read func(context.Context, dbx.DB, ByID[I]) (Out, error),
) dbx.Again[Out] {
	if id == nil || read == nil {
		return dbx.Again[Out]{}
	}
	return dbx.Again[Out]{
		ID: func(out Out) uuid.UUID { return uuid.UUID(id(out)) },
		Read: func(ctx context.Context, db dbx.DB, kept uuid.UUID) (Out, error) {
			return read(ctx, db, ID(I(kept)))
		},
	}
}

// keyField is the field of an input that takes an idempotency key.
const keyField = "IdempotencyKey"

// requireAgain panics where a command takes an idempotency key and does not say how a repeated call gets
// the first result, or where that result holds a secret: it is shown once, and no key may bring it back.
func (c Command[In, Out]) requireAgain() {
	takesKey := false
	if in := reflect.TypeFor[In](); in.Kind() == reflect.Struct {
		_, takesKey = in.FieldByName(keyField)
	}
	if takesKey != (c.Key != nil) || takesKey != (c.Again.ID != nil) || takesKey != (c.Again.Read != nil) {
		panic("usecase: " + c.Name + " takes an idempotency key by a field, Key and Again, or by none of them")
	}
	if takesKey && holdsSecret(reflect.TypeFor[Out](), map[reflect.Type]bool{}) {
		panic("usecase: " + c.Name + " gives a secret, so it takes no idempotency key")
	}
}

// holdsSecret tells whether a value of the type may hold a secret.
func holdsSecret(t reflect.Type, seen map[reflect.Type]bool) bool {
	if t == reflect.TypeFor[hmstype.Secret]() {
		return true
	}
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return holdsSecret(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if holdsSecret(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}
