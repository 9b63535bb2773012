package clinical_test

import (
	"errors"
	"fmt"
	"time"

	"github.com/shopspring/decimal"

	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/hmstype"
)

func ExampleMeasurements_BMI() {
	height, weight := decimal.NewFromInt(170), decimal.RequireFromString("65.0")
	fmt.Println(clinical.Measurements{HeightCm: &height, WeightKg: &weight}.BMI())
	// Output: 22.5
}

func ExampleMeasurements_Unusual() {
	pulse := 230
	for _, w := range (clinical.Measurements{PulsePerMinute: &pulse}).Unusual() {
		fmt.Println(w.Path, w.Rule)
	}
	// Output: pulsePerMinute usually 30 to 220
}

// A desk that is told that a time is taken can say until when.
func ExampleSlotTakenError() {
	start := time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)
	var err error = &clinical.SlotTakenError{Of: "practitioner", Period: hmstype.Period{Start: start, End: start.Add(time.Hour)}}

	var taken *clinical.SlotTakenError
	if errors.As(err, &taken) {
		fmt.Println(taken.Of, "busy until", taken.Period.End.Format(time.TimeOnly))
	}
	fmt.Println(errors.Is(err, clinical.ErrSlotTaken), hmstype.KindOf(err))
	// Output:
	// practitioner busy until 10:00:00
	// true already_exists
}

func Example_transitions() {
	err := clinical.EncounterTransitions.Check("encounter", clinical.EncounterFinished, clinical.EncounterInProgress)
	fmt.Println(err)
	// Output: encounter: from finished to in-progress (allowed: entered-in-error): precondition failed: status does not allow this
}
