package dbx

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
)

// EventType is a kind of the outbox's events. Each package declares its own once, in its events.go;
// docs/events.md is made of them.
type EventType struct {
	Name   string   // domain.past_participle, such as "clinical.appointment_booked"
	Entity string   // the table of the entity whose events arrive in order
	When   string   // what has happened
	Data   []string // the names in its data: of ids, codes and quantities, never of a patient's data
	By     []string // the use cases that tell it
}

var eventTypes struct {
	mu  sync.Mutex
	all map[string]*EventType
}

// DeclareEvent registers a kind of event and gives it, for [Event].
func DeclareEvent(t EventType) *EventType {
	eventTypes.mu.Lock()
	defer eventTypes.mu.Unlock()
	if eventTypes.all == nil {
		eventTypes.all = map[string]*EventType{}
	}
	if eventTypes.all[t.Name] != nil {
		panic("dbx: event declared twice: " + t.Name)
	}
	eventTypes.all[t.Name] = &t
	return &t
}

// EventTypes lists every kind of event of the packages that are linked, by name.
func EventTypes() []EventType {
	eventTypes.mu.Lock()
	defer eventTypes.mu.Unlock()
	list := make([]EventType, 0, len(eventTypes.all))
	for _, t := range eventTypes.all {
		list = append(list, *t)
	}
	slices.SortFunc(list, func(a, b EventType) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// StrictEvents makes an event whose data are not named as its type says an error. Tests set it: a
// host's use case does not fail for what is missing in a catalogue.
var StrictEvents bool

// body gives the data as JSON.
func (e Event) body() (string, error) {
	data, err := json.Marshal(e.Data)
	if err != nil {
		return "", fmt.Errorf("outbox event %s: %w", e.Type.Name, err)
	}
	if v := reflect.ValueOf(e.Data); StrictEvents && v.Kind() == reflect.Map {
		for _, name := range v.MapKeys() {
			if !slices.Contains(e.Type.Data, name.String()) {
				return "", fmt.Errorf("outbox event %s: %q is not declared", e.Type.Name, name)
			}
		}
	}
	return string(data), nil
}
