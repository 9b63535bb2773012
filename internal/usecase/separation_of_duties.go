package usecase

import (
	"context"
	"errors"
	"slices"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// RequireAnotherPerson refuses the second duty on an object to the person who did the first one,
// where the pair is kept apart: [hmstype.SeparationError]. It compares persons, not accounts: a program
// or an API key of his own is no other person. The host's own actor is no person and may do both.
func (b *Base) RequireAnotherPerson(db dbx.DB, first, second hmstype.Permission, by hmstype.ActorRef) error {
	if !by.SamePerson(db.By()) || !b.KeepsApart(first, second) {
		return nil
	}
	return &hmstype.SeparationError{Pair: hmstype.SeparatedPair{First: first, Second: second}}
}

// KeepsApart tells whether the host keeps two duties apart.
func (b *Base) KeepsApart(first, second hmstype.Permission) bool {
	return slices.Contains(b.Separation, hmstype.SeparatedPair{First: first, Second: second})
}

// recordSeparation records that a person was refused because of what he did before.
func (b *Base) recordSeparation(ctx context.Context, op Op, err error) {
	var refused *hmstype.SeparationError
	if errors.As(err, &refused) {
		b.recordDenial(ctx, op, dbx.Access{
			Action: "denied", Entity: "separation_of_duties", ID: string(refused.Pair.First) + "/" + string(refused.Pair.Second),
		})
	}
}
