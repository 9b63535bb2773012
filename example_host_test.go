package hms_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chelal/hms"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/outbox"
	"github.com/chelal/hms/patient"
)

// A host opens its database, makes the services once, and brings the schema up to date.
func ExampleNew() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		ctx := context.Background()
		db, err := hms.OpenDB(env.DSN) // from the host's configuration
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		h, err := hms.New(db, hms.Config{}) // no I/O; the zero Config works
		if err != nil {
			return err
		}
		if err := h.Migrate(ctx); err != nil { // or h.Check, where something else migrates
			return err
		}
		_, err = hms.New(db, hms.Config{EncryptNarrative: true})
		fmt.Println("ready; a mistake in the configuration:", hms.Fields(err))
		return nil
	})
	// Output: ready; a mistake in the configuration: [encryptNarrative: needs keyEncryptionKey]
}

// The host creates a hospital and its first user, who then works under his own name.
func Example_firstTenant() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		h, tenant := env.H, hms.NewTenantID()
		setup := hms.WithActor(context.Background(), hms.SystemActor(tenant, "setup"))
		hospital, err := h.Identity.CreateTenant(setup, identity.CreateTenantInput{
			TenantDetails: identity.TenantDetails{Name: "Lake Hospital", TimeZone: "Africa/Nairobi", Currency: "KES"},
		})
		if err != nil {
			return err
		}
		ada, err := h.Identity.CreateUser(setup, identity.CreateUserInput{
			Profile: identity.Profile{Username: "ada", FirstName: "Ada", LastName: "Lovelace"},
			Roles:   []string{identity.RoleReceptionist},
		})
		if err != nil {
			return err
		}
		desk := hms.WithActor(context.Background(), hms.HumanActor(tenant, ada.ID)) // in the middleware
		p, err := h.Patient.Register(desk, patient.RegisterInput{
			Details: patient.Details{FirstName: "Grace", LastName: "Hopper", Gender: patient.GenderFemale},
		})
		if err != nil {
			return err
		}
		fmt.Println(hospital.Name, "in", hospital.Currency)
		fmt.Println(p.LastName, "has number", p.MRN, "from", ada.Username+":", p.CreatedBy.User == ada.ID)
		return nil
	})
	// Output:
	// Lake Hospital in KES
	// Hopper has number 000000013 from ada: true
}

// The night's jobs, for each hospital of the installation: which there are, only the installation may
// ask. No use case sees two tenants at once.
func Example_scheduler() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		lake, hill := env, env.Neighbour(tb)
		for _, hospital := range []*hmstest.Env{lake, hill} {
			hospital.Service(tb, "BED", "180.00")
			encounter := hospital.Encounter(tb, hospital.Patient(tb).ID, clinical.ClassInpatient)
			_, err := hospital.H.Facility.Admit(hospital.Ctx, facility.AdmitInput{
				Encounter: encounter.ID, Bed: hospital.Bed(tb, "BED").ID,
			})
			if err != nil {
				return err
			}
		}
		env.Advance(24 * time.Hour)

		posted, failed := 0, 0
		for page := (hms.Page{}); ; {
			tenants, err := env.H.ListTenants(context.Background(), page)
			if err != nil {
				return err
			}
			for _, tenant := range tenants.Items {
				if tenant != lake.Tenant && tenant != hill.Tenant {
					continue // another test's
				}
				ctx := hms.WithActor(context.Background(), hms.SystemActor(tenant, "scheduler"))
				days, err := env.H.Facility.PostBedDays(ctx, facility.PostBedDaysInput{AsOf: env.Now()})
				if err != nil {
					failed++ // and the next hospital is served all the same
					continue
				}
				posted += days
			}
			if page.Cursor = tenants.Next; page.Cursor == "" {
				break
			}
		}
		fmt.Println("bed days:", posted, "hospitals that failed:", failed)
		return nil
	})
	// Output:
	// bed days: 2 hospitals that failed: 0
}

// Events reach the host's bus after the use case, at least once, and in order per entity.
func Example_outboxToBus() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		encounter := env.Encounter(tb, env.Patient(tb).ID, clinical.ClassInpatient)
		_, err := env.H.Facility.Admit(env.Ctx, facility.AdmitInput{Encounter: encounter.ID, Bed: env.Bed(tb, "").ID})
		if err != nil {
			return err
		}
		bus := make(chan string, 100) // Kafka, NATS, SQS, ...
		publish := func(_ context.Context, e outbox.Event) error {
			bus <- e.Type
			return nil
		}
		for {
			done, err := env.H.Outbox.Relay(env.Ctx, publish)
			if err != nil || done.Claimed == 0 { // what failed comes again after a pause
				close(bus)
				for event := range bus {
					fmt.Println(event)
				}
				return err
			}
		}
	})
	// Output:
	// patient.registered
	// clinical.encounter_opened
	// facility.admitted
}

// Each kind of error has one status. What an input should mend is told field by field.
func Example_errorsToHTTP() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		status := map[hms.Kind]int{
			hmstype.KindNotFound: http.StatusNotFound, hmstype.KindAlreadyExists: http.StatusConflict,
			hmstype.KindInvalid: http.StatusUnprocessableEntity, hmstype.KindPermissionDenied: http.StatusForbidden,
			hmstype.KindUnauthenticated: http.StatusUnauthorized, hmstype.KindPrecondition: http.StatusConflict,
			hmstype.KindStale: http.StatusPreconditionFailed, hmstype.KindUnavailable: http.StatusServiceUnavailable,
		}
		fail := func(w http.ResponseWriter, err error) {
			code, known := status[hms.KindOf(err)]
			if !known {
				code = http.StatusInternalServerError
			}
			w.WriteHeader(code)
			_, _ = fmt.Fprintf(w, "%s %v", hms.KindOf(err), hms.Fields(err)) // the client may have gone
		}
		try := func(ctx context.Context, in patient.RegisterInput) {
			answer := httptest.NewRecorder()
			if _, err := env.H.Patient.Register(ctx, in); err != nil {
				fail(answer, err)
			}
			fmt.Println(answer.Code, answer.Body)
		}
		try(env.As(tb, identity.RoleReceptionist), patient.RegisterInput{Details: patient.Details{Gender: "?"}})
		try(env.As(tb, identity.RolePharmacist), patient.RegisterInput{
			Details: patient.Details{LastName: "Hopper", Gender: patient.GenderFemale},
		})
		try(context.Background(), patient.RegisterInput{})
		return nil
	})
	// Output:
	// 422 invalid [lastName: required gender: must be one of [male female other unknown]]
	// 403 permission_denied []
	// 401 unauthenticated []
}

// minor is the host's own error: whoever catches it finds the guardian's form.
type minor struct{ Form string }

func (m minor) Error() string { return "a guardian must sign " + m.Form }

// The host's own rule before a registration: for a child, a guardian signs first.
func Example_hook() {
	rule := hmstype.Hook{Before: func(_ context.Context, call hmstype.HookCall) error {
		in, ok := call.Input.(patient.RegisterInput)
		if ok && in.BirthDate.Year() > 2008 {
			return hmstype.Veto("guardian", minor{Form: "G-12"})
		}
		return nil
	}}
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		_, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{Details: patient.Details{
			LastName: "Pan", Gender: patient.GenderMale, BirthDate: hmstype.NewDate(2015, time.May, 9),
		}})
		fmt.Println(err)
		var child minor
		if errors.As(err, &child) {
			fmt.Println(hms.KindOf(err), "print", child.Form)
		}
		return nil
	}, func(c *hms.Config) { c.Hooks = []hmstype.Hook{rule} })
	// Output:
	// patient.register: precondition failed: refused by the host's rule guardian
	// precondition print G-12
}

// tally counts use cases by name and outcome, as a dashboard would.
type tally map[string]int

// Begin implements hmstype.Observer. A real one is safe for many goroutines; see package hmsotel.
func (c tally) Begin(ctx context.Context, of hmstype.UseCase) (context.Context, func(hmstype.Outcome)) {
	return ctx, func(ended hmstype.Outcome) { c[of.Operation+" "+string(ended.Kind)]++ }
}

// An observer hears of every use case, and of how it ended.
func Example_observer() {
	seen := tally{}
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		env.Patient(tb)
		env.Patient(tb)
		_, err := env.H.Patient.GetByMRN(env.Ctx, "000000999")
		fmt.Println(seen, hms.KindOf(err))
		return nil
	}, func(c *hms.Config) { c.Observers = []hmstype.Observer{seen} })
	// Output: map[patient.get_by_mrn not_found:1 patient.register :2] not_found
}

// A list comes page by page; the cursor of one page asks for the next.
func Example_paging() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		for _, name := range []string{"Ada", "Grace", "Mary"} {
			_, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{
				Details: patient.Details{FirstName: name, LastName: "Stone", Gender: patient.GenderFemale},
			})
			if err != nil {
				return err
			}
			env.Advance(time.Minute)
		}
		page := hms.Page{Limit: 2}
		for {
			list, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "Stone", Page: page})
			if err != nil {
				return err
			}
			for _, p := range list.Items {
				fmt.Print(p.FirstName, " ")
			}
			fmt.Println("- more:", list.Next != "")
			if list.Next == "" {
				return nil
			}
			page.Cursor = list.Next
		}
	})
	// Output:
	// Ada Grace - more: true
	// Mary - more: false
}

// A click that is sent twice registers once. The same key with another input is refused.
func Example_idempotency() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		in := patient.RegisterInput{
			Details:        patient.Details{FirstName: "Ada", LastName: "Lovelace", Gender: patient.GenderFemale},
			IdempotencyKey: "request 8f1c", // of the client, the same when it tries again
		}
		first, err := env.H.Patient.Register(env.Ctx, in)
		if err != nil {
			return err
		}
		again, err := env.H.Patient.Register(env.Ctx, in)
		if err != nil {
			return err
		}
		fmt.Println("one record:", first.ID == again.ID)

		in.FirstName = "Augusta"
		_, err = env.H.Patient.Register(env.Ctx, in)
		fmt.Println("another input:", errors.Is(err, hms.ErrIdempotencyMismatch))
		return nil
	})
	// Output:
	// one record: true
	// another input: true
}
