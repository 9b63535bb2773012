package hmstype

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// ActorRef says who did something, wherever the library keeps that: who recorded, ordered,
// dispensed, approved (FHIR performer). The zero ActorRef means nobody, or nobody yet.
//
// In the database and in JSON it is a text, empty for the zero ref: "human:<user>",
// "service:<user>", "system:<name>" or "database:<login>", with "/<person>" behind a user's where
// the account is not the person's own.
type ActorRef struct {
	Kind ActorKind `json:"kind"` // what sort of being acted
	User UserID    `json:"user"` // the account under which it was done; zero for the host's own actor
	// who answers for it: the owner of a key or a program; zero for the host's own actor
	Person UserID `json:"person"`
	// the name of the host's own actor, such as "scheduler", or the database's login; empty for others
	Name string `json:"name"`
}

// ErrBadActorRef is returned (as an invalid-kind error) for text that names no actor.
var ErrBadActorRef = fmt.Errorf("%w: not an actor", ErrInvalid)

// Ref says who the actor is, without what he was doing it for and how he proved himself.
func (a Actor) Ref() ActorRef {
	if a.Kind == ActorSystem {
		return ActorRef{Kind: ActorSystem, Name: a.Name}
	}
	ref := ActorRef{Kind: a.Kind, User: a.User, Person: a.Person}
	if ref.Kind == "" {
		ref.Kind = ActorHuman
	}
	if ref.Person.IsZero() {
		ref.Person = a.User
	}
	return ref
}

// IsZero tells that nobody is named.
func (r ActorRef) IsZero() bool { return r == ActorRef{} }

// SamePerson tells whether one person stands behind both, though one be a program of his or an
// API key. The host's own actor is no person, and nobody is nobody.
func (r ActorRef) SamePerson(other ActorRef) bool {
	return !r.Person.IsZero() && r.Person == other.Person
}

// String gives the text of the type's description.
func (r ActorRef) String() string {
	switch {
	case r.IsZero():
		return ""
	case r.Kind == ActorSystem, r.Kind == ActorDatabase:
		return string(r.Kind) + ":" + r.Name
	case r.Person == r.User || r.Person.IsZero():
		return string(r.Kind) + ":" + r.User.String()
	default:
		return string(r.Kind) + ":" + r.User.String() + "/" + r.Person.String()
	}
}

// ParseActorRef reads what [ActorRef.String] gives; [ErrBadActorRef] for any other text, which it
// never repeats.
func ParseActorRef(text string) (ActorRef, error) {
	if text == "" {
		return ActorRef{}, nil
	}
	kind, rest, _ := strings.Cut(text, ":")
	switch ActorKind(kind) {
	case ActorSystem, ActorDatabase:
		if rest == "" {
			return ActorRef{}, ErrBadActorRef
		}
		return ActorRef{Kind: ActorKind(kind), Name: rest}, nil
	case ActorHuman, ActorService:
		account, person, isApart := strings.Cut(rest, "/")
		ref := ActorRef{Kind: ActorKind(kind)}
		var err error
		if ref.User, err = ParseID[UserID](account); err != nil || ref.User.IsZero() {
			return ActorRef{}, ErrBadActorRef
		}
		ref.Person = ref.User
		if isApart {
			if ref.Person, err = ParseID[UserID](person); err != nil || ref.Person.IsZero() {
				return ActorRef{}, ErrBadActorRef
			}
		}
		return ref, nil
	default:
		return ActorRef{}, ErrBadActorRef
	}
}

// MarshalText implements encoding.TextMarshaler; the zero ref is empty text.
func (r ActorRef) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *ActorRef) UnmarshalText(text []byte) (err error) {
	*r, err = ParseActorRef(string(text))
	return err
}

// Value implements driver.Valuer; the zero ref is empty text, not NULL.
func (r ActorRef) Value() (driver.Value, error) { return r.String(), nil }

// Scan implements sql.Scanner; NULL is the zero ref.
func (r *ActorRef) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*r = ActorRef{}
		return nil
	case string:
		return r.UnmarshalText([]byte(src))
	case []byte:
		return r.UnmarshalText(src)
	default:
		return errors.New("an actor is not stored as text")
	}
}
