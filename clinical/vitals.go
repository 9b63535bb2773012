package clinical

import (
	"context"
	"time"

	"github.com/shopspring/decimal"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/service"
)

// Measurements are vital signs; nil means not taken, which is not zero. Each is one FHIR
// Observation of the vital-signs profile; the LOINC code and the UCUM unit stand beside it.
type Measurements struct {
	TemperatureCelsius      *decimal.Decimal `json:"temperatureCelsius,omitempty"` // 8310-5, Cel; 20 to 46, one place
	PulsePerMinute          *int             `json:"pulsePerMinute,omitempty"`     // 8867-4, /min; 0 to 350
	BreathsPerMinute        *int             `json:"breathsPerMinute,omitempty"`   // 9279-1, /min; 0 to 150
	SystolicMmHg            *int             `json:"systolicMmHg,omitempty"`       // 8480-6, mm[Hg]; 20 to 350
	DiastolicMmHg           *int             `json:"diastolicMmHg,omitempty"`      // 8462-4, mm[Hg]; 0 to 250, not above the systolic
	OxygenSaturationPercent *int             `json:"oxygenSaturationPercent,omitempty"`
	HeightCm                *decimal.Decimal `json:"heightCm,omitempty"`  // 8302-2, cm; 20 to 280, one place
	WeightKg                *decimal.Decimal `json:"weightKg,omitempty"`  // 29463-7, kg; 0.2 to 700, three places
	PainScore               *int             `json:"painScore,omitempty"` // 72514-3, {score}; 0 to 10
}

func checkInt(v *hmstype.Validator, path string, value *int, low, high int, rule string) {
	v.Check(value == nil || (*value >= low && *value <= high), path, rule)
}

func checkDecimal(v *hmstype.Validator, path string, value *decimal.Decimal, low, high string, places int32, rule string) {
	if value == nil {
		return
	}
	v.Check(!value.LessThan(decimal.RequireFromString(low)) && !value.GreaterThan(decimal.RequireFromString(high)), path, rule)
	v.Check(value.Equal(value.Truncate(places)), path, "has too many decimal places")
}

func (m Measurements) validate(v *hmstype.Validator) {
	checkDecimal(v, "temperatureCelsius", m.TemperatureCelsius, "20", "46", 1, "must lie between 20 and 46")
	checkInt(v, "pulsePerMinute", m.PulsePerMinute, 0, 350, "must lie between 0 and 350")
	checkInt(v, "breathsPerMinute", m.BreathsPerMinute, 0, 150, "must lie between 0 and 150")
	checkInt(v, "systolicMmHg", m.SystolicMmHg, 20, 350, "must lie between 20 and 350")
	checkInt(v, "diastolicMmHg", m.DiastolicMmHg, 0, 250, "must lie between 0 and 250")
	v.Check(m.SystolicMmHg == nil || m.DiastolicMmHg == nil || *m.DiastolicMmHg <= *m.SystolicMmHg, "diastolicMmHg", "must not exceed systolicMmHg")
	checkInt(v, "oxygenSaturationPercent", m.OxygenSaturationPercent, 0, 100, "must lie between 0 and 100")
	checkDecimal(v, "heightCm", m.HeightCm, "20", "280", 1, "must lie between 20 and 280")
	checkDecimal(v, "weightKg", m.WeightKg, "0.2", "700", 3, "must lie between 0.2 and 700")
	checkInt(v, "painScore", m.PainScore, 0, 10, "must lie between 0 and 10")
	v.Check(m != Measurements{}, "measurements", "at least one is required")
}

// BMI gives the body mass index (39156-5, kg/m2), weight by the square of the height in
// metres, rounded half away from zero to one place; nil where either was not taken.
func (m Measurements) BMI() *decimal.Decimal {
	if m.HeightCm == nil || m.WeightKg == nil {
		return nil
	}
	squareCm := m.HeightCm.Mul(*m.HeightCm)
	bmi := m.WeightKg.Shift(4).DivRound(squareCm, 1)
	return &bmi
}

// Vitals is one set of vital signs of a patient, taken together.
type Vitals struct {
	ID         hmstype.VitalsID
	Encounter  hmstype.EncounterID
	Patient    hmstype.PatientID
	Status     string    // FHIR observation-status: final or entered-in-error
	TakenAt    time.Time // UTC
	RecordedBy string    // an actor, as in the audit trail
	Measurements
	BodyMassIndex *decimal.Decimal // derived from height and weight of this set
	ErrorReason   string           // why it was entered in error
	CreatedAt     time.Time        // UTC
	Version       int64
}

type vitalsRow struct {
	bun.BaseModel `bun:"table:hms.vitals,alias:v"`
	dbx.Tenanted
	ID                      hmstype.VitalsID `bun:"id,pk"`
	PatientID               hmstype.PatientID
	EncounterID             hmstype.EncounterID
	Status                  string
	TakenAt                 time.Time
	RecordedBy              string
	TemperatureCelsius      *decimal.Decimal
	PulsePerMinute          *int
	BreathsPerMinute        *int
	SystolicMmhg            *int
	DiastolicMmhg           *int
	OxygenSaturationPercent *int
	HeightCm                *decimal.Decimal
	WeightKg                *decimal.Decimal
	Bmi                     *decimal.Decimal
	PainScore               *int
	ErrorReason             string
	CreatedAt               time.Time
	Version                 int64
}

func (r vitalsRow) Position() hmstype.Position {
	return hmstype.Position{At: r.TakenAt, ID: r.ID.UUID()}
}

func (r vitalsRow) vitals() Vitals {
	return Vitals{
		ID: r.ID, Encounter: r.EncounterID, Patient: r.PatientID, Status: r.Status, TakenAt: r.TakenAt.UTC(), RecordedBy: r.RecordedBy,
		Measurements: Measurements{
			TemperatureCelsius: r.TemperatureCelsius, PulsePerMinute: r.PulsePerMinute, BreathsPerMinute: r.BreathsPerMinute,
			SystolicMmHg: r.SystolicMmhg, DiastolicMmHg: r.DiastolicMmhg, OxygenSaturationPercent: r.OxygenSaturationPercent,
			HeightCm: r.HeightCm, WeightKg: r.WeightKg, PainScore: r.PainScore,
		},
		BodyMassIndex: r.Bmi, ErrorReason: r.ErrorReason, CreatedAt: r.CreatedAt.UTC(), Version: r.Version,
	}
}

// RecordVitalsInput describes a set of vital signs.
type RecordVitalsInput struct {
	Encounter hmstype.EncounterID // required, open
	TakenAt   time.Time           // zero means now; not in the future
	Measurements
	IdempotencyKey string
}

// Validate implements the rules above.
func (in RecordVitalsInput) Validate() error {
	var v hmstype.Validator
	v.Required(!in.Encounter.IsZero(), "encounter")
	in.validate(&v)
	return v.Err()
}

// RecordVitals adds a set of vital signs; the body mass index is computed, never taken
// from the caller.
func (s *Service) RecordVitals(ctx context.Context, in RecordVitalsInput) (Vitals, error) {
	op := service.Op{Name: "vitals.record", Permission: hmstype.PermVitalsWrite, Key: in.IdempotencyKey}
	return service.Write(ctx, &s.base, op, in, recordVitals)
}

func recordVitals(ctx context.Context, db dbx.DB, in RecordVitalsInput) (Vitals, error) {
	encounter, err := requireOpen(ctx, db, in.Encounter)
	if err != nil {
		return Vitals{}, err
	}
	taken := hmstype.Instant(in.TakenAt)
	if in.TakenAt.IsZero() {
		taken = db.Now
	}
	if taken.After(db.Now) {
		return Vitals{}, hmstype.Invalid("takenAt", "must not lie in the future")
	}
	m := in.Measurements
	row := vitalsRow{
		Tenanted: dbx.Tenanted{TenantID: db.Tenant()}, ID: hmstype.NewID[hmstype.VitalsID](),
		PatientID: encounter.PatientID, EncounterID: encounter.ID, Status: "final", TakenAt: taken, RecordedBy: db.ActorName(),
		TemperatureCelsius: m.TemperatureCelsius, PulsePerMinute: m.PulsePerMinute, BreathsPerMinute: m.BreathsPerMinute,
		SystolicMmhg: m.SystolicMmHg, DiastolicMmhg: m.DiastolicMmHg, OxygenSaturationPercent: m.OxygenSaturationPercent,
		HeightCm: m.HeightCm, WeightKg: m.WeightKg, Bmi: m.BMI(), PainScore: m.PainScore, CreatedAt: db.Now, Version: 1,
	}
	return row.vitals(), dbx.Insert(ctx, db, row)
}
