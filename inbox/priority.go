package inbox

import (
	"github.com/chelal/hms/hmstype"
)

// Priority tells how soon something wants to be looked at; FHIR R4 request-priority.
type Priority string

// orRoutine is the priority where none was said.
func (p Priority) orRoutine() Priority {
	if p == "" {
		return PriorityRoutine
	}
	return p
}

func (p Priority) validate(v *hmstype.Validator) {
	hmstype.OneOf(v, p, "priority", "", PriorityRoutine, PriorityUrgent, PriorityASAP, PriorityStat)
}

// atLeastUrgent lifts a routine matter.
func (p Priority) atLeastUrgent() Priority {
	if p.orRoutine() == PriorityRoutine {
		return PriorityUrgent
	}
	return p
}

// The priorities, the most urgent last: FHIR defines asap as higher than urgent.
const (
	PriorityRoutine Priority = "routine"
	PriorityUrgent  Priority = "urgent"
	PriorityASAP    Priority = "asap"
	PriorityStat    Priority = "stat"
)
