package dbx_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// BenchmarkBegin does the same with values in the texts of statements and beside them, and in the session that it gets
// and in one that is cleared first, in turn, on one database.
//
//	go test ./internal/dbx -run '^$' -bench Begin -benchtime 1000x
func BenchmarkBegin(b *testing.B) {
	e := hmstest.NewOwn(b)
	e.Service(b, "TABLET", "0.35")
	who, stock := e.Patient(b).ID, e.Stock(b, 1_000_000, "TABLET")
	n := 0
	without := map[string]func(bool){"parameters": dbx.SendLiterals, "session": dbx.KeepSession}
	for name, act := range map[string]func() error{
		"Get": func() error { _, err := e.H.Patient.Get(e.Ctx, who); return err },
		"Register": func() error {
			n++
			_, err := e.H.Patient.Register(e.Ctx, patient.RegisterInput{
				Details: patient.Details{LastName: "Bench " + strconv.Itoa(n), Gender: patient.GenderUnknown},
			})
			return err
		},
		"Dispense": func() error {
			_, err := e.H.Pharmacy.Dispense(e.Ctx, pharmacy.DispenseInput{
				Patient: who, Item: stock.Item.ID, Location: stock.Location, Quantity: 1, OverrideReason: "benchmark",
			})
			return err
		},
		"Search": func() error {
			_, err := e.H.Patient.Search(e.Ctx, patient.SearchInput{Name: "Bench", Page: hmstype.Page{Limit: 20}})
			return err
		},
	} {
		for wall, down := range without {
			b.Run(wall+"/"+name, func(b *testing.B) {
				require.NoError(b, act())
				dbtest.InTurn(b,
					func() error { down(true); defer down(false); return act() },
					func() error { return act() })
			})
		}
	}
}
