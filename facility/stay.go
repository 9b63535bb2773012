package facility

import (
	"time"

	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/usecase"
)

// StayStatus is FHIR R4 encounter-location-status, as far as a bed is concerned.
type StayStatus string

// The states of a stay.
const (
	StayActive         StayStatus = "active"
	StayCompleted      StayStatus = "completed"
	StayEnteredInError StayStatus = "entered-in-error"
)

// StayTransitions are the allowed steps between the states.
var StayTransitions = hmstype.Transitions[StayStatus]{
	StayActive:    {StayCompleted, StayEnteredInError},
	StayCompleted: {StayEnteredInError},
}

// Stay is the interval that a patient spends in one bed.
type Stay struct {
	ID                 hmstype.StayID      `json:"id"`
	Patient            hmstype.PatientID   `json:"patient"`
	Encounter          hmstype.EncounterID `json:"encounter"`
	Bed                hmstype.BedID       `json:"bed"`
	Ward               hmstype.WardID      `json:"ward"`
	Status             StayStatus          `json:"status"`
	Period             hmstype.Period      `json:"period"`                      // open while the patient lies there
	DischargeOrderedAt time.Time           `json:"dischargeOrderedAt,omitzero"` // UTC; zero means not ordered
	EndReason          EndReason           `json:"endReason,omitempty"`         // empty while the patient lies there
	CreatedBy          hmstype.ActorRef    `json:"createdBy"`
	CreatedAt          time.Time           `json:"createdAt,omitzero"` // UTC
	Version            int64               `json:"version"`            // counts changes, from 1
	// Withheld says that the patient's record is restricted and the actor may not see it: what is
	// left are ids, states and instants, by which the work on him goes on.
	Withheld bool `json:"withheld,omitempty"`
}

// EndReason says how a stay ended.
type EndReason string

// The reasons.
const (
	EndTransfer  EndReason = "transfer"  // the patient went to another bed
	EndDischarge EndReason = "discharge" // the patient left
)

type stayRow struct {
	bun.BaseModel `bun:"table:hms.stay,alias:st"`
	dbx.Header[hmstype.StayID]
	PatientID          hmstype.PatientID
	EncounterID        hmstype.EncounterID
	BedID              hmstype.BedID
	WardID             hmstype.WardID
	Status             StayStatus
	StartsAt           time.Time
	EndsAt             time.Time `bun:",nullzero"`
	DischargeOrderedAt time.Time `bun:",nullzero"`
	EndReason          EndReason
}

func (r stayRow) stay() Stay {
	return Stay{
		ID: r.ID, Patient: r.PatientID, Encounter: r.EncounterID, Bed: r.BedID, Ward: r.WardID, Status: r.Status,
		Period:             hmstype.Period{Start: r.StartsAt.UTC(), End: r.EndsAt.UTC()},
		DischargeOrderedAt: r.DischargeOrderedAt.UTC(), EndReason: r.EndReason,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// stays is what every use case that shows stays shows of whom.
var stays = usecase.Entity[Stay]{
	Table:   "stay",
	Patient: func(s *Stay) hmstype.PatientID { return s.Patient },
	ID:      func(s *Stay) string { return s.ID.String() },
}

var staySteps = dbx.Machine[stayRow, StayStatus]{
	Table: "stay", Transitions: StayTransitions,
	State:   func(r *stayRow) *StayStatus { return &r.Status },
	Columns: []string{"ends_at", "end_reason"},
	Event: func(r *stayRow, _ StayStatus) dbx.Event {
		if r.EndReason != EndDischarge {
			return dbx.Event{} // the stay in the next bed tells of the transfer
		}
		return dbx.Event{
			Type: eventDeparted, ID: r.ID, Data: map[string]string{"bed": r.BedID.String()},
		}
	},
}

// Position implements dbx.Positioned.
func (r stayRow) Position() hmstype.Position {
	return hmstype.Position{At: r.StartsAt.UTC(), ID: r.ID.UUID()}
}
