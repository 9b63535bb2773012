package clinical

import (
	"github.com/shopspring/decimal"

	"github.com/chelal/hms/hmstype"
)

// Measurements are vital signs; nil means not taken, which is not zero. Each is one FHIR
// Observation of the vital-signs profile; the LOINC code and the UCUM unit stand beside it.
type Measurements struct {
	// 8310-5, Cel; 20 to 46, one place
	TemperatureCelsius *decimal.Decimal `bun:"temperature_celsius" json:"temperatureCelsius,omitempty"`
	// 8867-4, /min; 0 to 350
	PulsePerMinute *int `bun:"pulse_per_minute" json:"pulsePerMinute,omitempty"`
	// 9279-1, /min; 0 to 150
	BreathsPerMinute *int `bun:"breaths_per_minute" json:"breathsPerMinute,omitempty"`
	// 8480-6, mm[Hg]; 20 to 350
	SystolicMmHg *int `bun:"systolic_mmhg" json:"systolicMmHg,omitempty"`
	// 8462-4, mm[Hg]; 0 to 250, not above the systolic
	DiastolicMmHg *int `bun:"diastolic_mmhg" json:"diastolicMmHg,omitempty"`
	// 59408-5, %; 0 to 100
	OxygenSaturationPercent *int `bun:"oxygen_saturation_percent" json:"oxygenSaturationPercent,omitempty"`
	// 8302-2, cm; 20 to 280, one place
	HeightCm  *decimal.Decimal `bun:"height_cm" json:"heightCm,omitempty"`
	WeightKg  *decimal.Decimal `bun:"weight_kg" json:"weightKg,omitempty"`   // 29463-7, kg; 0.2 to 700, three places
	PainScore *int             `bun:"pain_score" json:"painScore,omitempty"` // 72514-3, {score}; 0 to 10
}

func checkInt(v *hmstype.Validator, path string, value *int, low, high int, rule string) {
	v.Check(value == nil || (*value >= low && *value <= high), path, rule)
}

func checkDecimal(
	v *hmstype.Validator, path string, value *decimal.Decimal, low, high string, places int32, rule string,
) {
	if value == nil {
		return
	}
	v.Check(
		!value.LessThan(decimal.RequireFromString(low)) && !value.GreaterThan(decimal.RequireFromString(high)), path, rule,
	)
	v.Check(value.Equal(value.Truncate(places)), path, "has too many decimal places")
}

func (m Measurements) validate(v *hmstype.Validator) {
	checkDecimal(v, "temperatureCelsius", m.TemperatureCelsius, "20", "46", 1, "must lie between 20 and 46")
	checkInt(v, "pulsePerMinute", m.PulsePerMinute, 0, 350, "must lie between 0 and 350")
	checkInt(v, "breathsPerMinute", m.BreathsPerMinute, 0, 150, "must lie between 0 and 150")
	checkInt(v, "systolicMmHg", m.SystolicMmHg, 20, 350, "must lie between 20 and 350")
	checkInt(v, "diastolicMmHg", m.DiastolicMmHg, 0, 250, "must lie between 0 and 250")
	v.Check(
		m.SystolicMmHg == nil || m.DiastolicMmHg == nil || *m.DiastolicMmHg <= *m.SystolicMmHg, "diastolicMmHg",
		"must not exceed systolicMmHg",
	)
	checkInt(v, "oxygenSaturationPercent", m.OxygenSaturationPercent, 0, 100, "must lie between 0 and 100")
	checkDecimal(v, "heightCm", m.HeightCm, "20", "280", 1, "must lie between 20 and 280")
	checkDecimal(v, "weightKg", m.WeightKg, "0.2", "700", 3, "must lie between 0.2 and 700")
	checkInt(v, "painScore", m.PainScore, 0, 10, "must lie between 0 and 10")
	v.Check(m != Measurements{}, "measurements", "at least one is required")
	if bmi := m.BMI(); bmi != nil {
		fits := bmi.GreaterThanOrEqual(decimal.NewFromInt(1)) && bmi.LessThanOrEqual(decimal.NewFromInt(300))
		v.Check(fits, "weightKg", "is impossible with heightCm")
	}
}

// BMI gives the body mass index (39156-5, kg/m2), weight by the square of the height in
// metres, rounded half away from zero to one place; nil where either was not taken, or the
// height is not greater than zero.
func (m Measurements) BMI() *decimal.Decimal {
	if m.HeightCm == nil || m.WeightKg == nil || !m.HeightCm.IsPositive() {
		return nil
	}
	squareCm := m.HeightCm.Mul(*m.HeightCm)
	bmi := m.WeightKg.Shift(4).DivRound(squareCm, 1)
	return &bmi
}

// Warning names a value that is possible and so unusual, at any age, that it should be
// looked at again: a typing error or an emergency. It is no early-warning score.
type Warning struct {
	Path string `json:"path"` // such as "pulsePerMinute"
	Rule string `json:"rule"` // such as "usually 30 to 220"
}

// Unusual gives a warning for every value outside the bounds within which nearly all
// people of all ages lie. The bounds are wide on purpose, since a newborn's pulse of 160
// is no error; what is normal for whom is clinical judgement.
func (m Measurements) Unusual() []Warning {
	var w warnings
	w.decimal("temperatureCelsius", m.TemperatureCelsius, 33, 42, "usually 33 to 42")
	w.whole("pulsePerMinute", m.PulsePerMinute, 30, 220, "usually 30 to 220")
	w.whole("breathsPerMinute", m.BreathsPerMinute, 6, 80, "usually 6 to 80")
	w.whole("systolicMmHg", m.SystolicMmHg, 50, 250, "usually 50 to 250")
	w.whole("diastolicMmHg", m.DiastolicMmHg, 20, 150, "usually 20 to 150")
	w.whole("oxygenSaturationPercent", m.OxygenSaturationPercent, 80, 100, "usually 80 to 100")
	w.decimal("heightCm", m.HeightCm, 40, 220, "usually 40 to 220")
	w.decimal("weightKg", m.WeightKg, 1, 250, "usually 1 to 250")
	if bmi := m.BMI(); bmi != nil {
		w.decimal("bodyMassIndex", bmi, 8, 70, "usually 8 to 70")
	}
	return w
}

type warnings []Warning

func (w *warnings) whole(path string, value *int, low, high int, rule string) {
	if value != nil && (*value < low || *value > high) {
		*w = append(*w, Warning{Path: path, Rule: rule})
	}
}

func (w *warnings) decimal(path string, value *decimal.Decimal, low, high int64, rule string) {
	if value != nil && (value.LessThan(decimal.NewFromInt(low)) || value.GreaterThan(decimal.NewFromInt(high))) {
		*w = append(*w, Warning{Path: path, Rule: rule})
	}
}
