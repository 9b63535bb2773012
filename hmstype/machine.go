package hmstype

import (
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"
)

// Transitions is a state machine as data: for each state the states that may follow it.
// One table per entity serves the service, the documentation, the tests and the database:
// a trigger made from [Transitions.Pairs] refuses the same steps for raw SQL.
type Transitions[S ~string] map[S][]S

// TransitionError says which step was refused and which were allowed; its kind is
// [ErrInvalidTransition], a precondition.
type TransitionError struct {
	Entity  string   `json:"entity"`  // such as "bed"
	From    string   `json:"from"`    // the state that the entity is in
	To      string   `json:"to"`      // the state that was asked for
	Allowed []string `json:"allowed"` // the states that may follow From, sorted
}

// Error implements error.
func (e *TransitionError) Error() string {
	return fmt.Sprintf("%s: from %s to %s (allowed: %s): %v",
		e.Entity, e.From, e.To, strings.Join(e.Allowed, ", "), ErrInvalidTransition)
}

// Unwrap gives [ErrInvalidTransition].
func (e *TransitionError) Unwrap() error { return ErrInvalidTransition }

// Allows tells whether the step is in the table.
func (t Transitions[S]) Allows(from, to S) bool { return slices.Contains(t[from], to) }

// Check gives a [TransitionError] for a step that is not in the table.
func (t Transitions[S]) Check(entity string, from, to S) error {
	if t.Allows(from, to) {
		return nil
	}
	e := &TransitionError{Entity: entity, From: string(from), To: string(to)}
	for _, s := range t[from] {
		e.Allowed = append(e.Allowed, string(s))
	}
	sort.Strings(e.Allowed)
	return e
}

// States gives every state that the table names, sorted.
func (t Transitions[S]) States() []S {
	var states []S
	for from, tos := range t {
		states = append(states, from)
		states = append(states, tos...)
	}
	slices.Sort(states)
	return slices.Compact(states)
}

// Pairs gives the allowed steps as "from>to", sorted: the form that the database's guard
// takes as its arguments, so that a test can hold one against the other.
func (t Transitions[S]) Pairs() []string {
	var pairs []string
	for from, tos := range t {
		for _, to := range tos {
			pairs = append(pairs, string(from)+">"+string(to))
		}
	}
	sort.Strings(pairs)
	return pairs
}

// StatusChange is one step of an entity from one state to another (FHIR Encounter.statusHistory).
type StatusChange struct {
	From   string    `json:"from"`             // the state before, a code of the entity's states
	To     string    `json:"to"`               // the state after
	At     time.Time `json:"at,omitzero"`      // UTC, when it was recorded
	By     ActorRef  `json:"by"`               // who did it
	Reason string    `json:"reason,omitempty"` // why; empty where the step needed none
}

// History is how one entity went from state to state. Its making is no step: the entity tells it.
type History struct {
	Entity  string         `json:"entity"`           // the entity's table, such as "appointment"
	ID      string         `json:"id"`               // the entity's
	Patient PatientID      `json:"patient,omitzero"` // whose entity it is; zero where nobody's, as of a bed
	Steps   []StatusChange `json:"steps"`            // the oldest first; empty where it never left its first state
	// Withheld says that the patient's record is restricted and the actor may not see it.
	Withheld bool `json:"withheld,omitempty"`
}
