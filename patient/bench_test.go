package patient_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/internal/fieldcrypt"
	"github.com/chelal/hms/patient"
)

// benchServices gives the service once with sealed fields and once with fields in clear, each in
// a tenant of its own on a server that writes as one in production.
func benchServices(b *testing.B) map[string]*dbtest.Env {
	b.Helper()
	sealed, clear := dbtest.NewDurable(b), dbtest.NewDurable(b)
	clear.Base.Crypt = fieldcrypt.New(nil)
	clear.Base.DB = dbx.NewHandle(clear.DB, dbx.Options{Now: clear.Clock.Now})
	return map[string]*dbtest.Env{"sealed": sealed, "clear": clear}
}

// benchPerson has every field that is sealed.
func benchPerson(i int) patient.RegisterInput {
	in := person("Bench " + strings.ToLower(hmstype.NewID[hmstype.PatientID]().String()[24:]))
	in.PhoneNumber, in.Email = fmt.Sprintf("+254 700 %06d", i), fmt.Sprintf("p%d@example.org", i)
	in.Address = "1 Long Street, Nairobi"
	in.EmergencyContactName, in.EmergencyContactPhone = "Bob Bench", "+254 700 999999"
	in.Identifiers = []patient.Identifier{{System: "urn:national", Value: fmt.Sprint("ID", i)}}
	return in
}

// BenchmarkService_Register registers a patient with six sealed fields and two blind indexes.
func BenchmarkService_Register(b *testing.B) {
	for name, env := range benchServices(b) {
		s := patient.New(env.Base, patient.Ports{})
		count := 0
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				count++
				_, err := s.Register(env.Ctx, benchPerson(count))
				require.NoError(b, err)
			}
		})
	}
}

// BenchmarkService_Search lists fifty patients with their fields.
func BenchmarkService_Search(b *testing.B) {
	for name, env := range benchServices(b) {
		s := patient.New(env.Base, patient.Ports{})
		for i := range 200 {
			_, err := s.Register(env.Ctx, benchPerson(i))
			require.NoError(b, err)
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				list, err := s.Search(env.Ctx, patient.SearchInput{Name: "bench", Page: hmstype.Page{Limit: 50}})
				require.NoError(b, err)
				require.Len(b, list.Items, 50)
			}
		})
	}
}

// BenchmarkService_Get reads one patient of two hundred.
func BenchmarkService_Get(b *testing.B) {
	for name, env := range benchServices(b) {
		s := patient.New(env.Base, patient.Ports{})
		var ids []hmstype.PatientID
		for i := range 200 {
			p, err := s.Register(env.Ctx, benchPerson(i))
			require.NoError(b, err)
			ids = append(ids, p.ID)
		}
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				_, err := s.Get(env.Ctx, ids[i%len(ids)])
				require.NoError(b, err)
			}
		})
	}
}
