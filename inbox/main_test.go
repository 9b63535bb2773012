package inbox_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/inbox"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

type bundle struct {
	*dbtest.Env
	*inbox.Service
	patients *patient.Service
}

func setup(t *testing.T) *bundle {
	t.Helper()
	env := dbtest.New(t)
	patients := patient.New(env.Base, patient.Ports{})
	return &bundle{
		Env: env, patients: patients, Service: inbox.New(env.Base, inbox.Ports{
			Patients: patient.NewPort(env.Base), Staff: identity.NewPort(env.Base),
		}),
	}
}

// person gives the context of a new user, who has proved himself just now.
func (b *bundle) person(t *testing.T, roles ...string) (context.Context, hmstype.UserID) {
	t.Helper()
	user := b.User(t, roles...)
	actor := hmstype.HumanActor(b.Tenant, user.ID)
	actor.AuthenticatedAt = b.Clock.Now()
	return hmstype.WithActor(t.Context(), actor), user.ID
}

func (b *bundle) patient(t *testing.T, restricted bool) hmstype.PatientID {
	t.Helper()
	p, err := b.patients.Register(b.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Test", Gender: patient.GenderOther}, Restricted: restricted,
	})
	require.NoError(t, err)
	return p.ID
}

// glass opens a restricted patient's record to an actor.
func (b *bundle) glass(t *testing.T, ctx context.Context, p hmstype.PatientID) {
	t.Helper()
	_, err := b.Identity.BreakTheGlass(ctx, identity.BreakTheGlassInput{
		Patient: p,
		BreakGlassDetails: identity.BreakGlassDetails{
			Reason: identity.ReasonEmergency, Text: "Unconscious in the emergency room",
		},
	})
	require.NoError(t, err)
}

// events counts the events of a type in the outbox.
func (b *bundle) events(t *testing.T, kind string) int {
	t.Helper()
	return dbtest.Scalar[int](
		t, b.Env, `SELECT count(*) FROM hms.outbox WHERE tenant_id = ? AND event_type = ?`, b.Tenant, kind,
	)
}

func to(user hmstype.UserID) inbox.Recipient { return inbox.Recipient{User: user} }

func toRole(role string) inbox.Recipient { return inbox.Recipient{Role: role} }

func note(to inbox.Recipient) inbox.NotifyInput {
	return inbox.NotifyInput{
		To: to, NotificationDetails: inbox.NotificationDetails{Category: "test", Title: "Title", Body: "Body"},
	}
}

// human is who a user is on his own account.
func human(user hmstype.UserID) hmstype.ActorRef {
	return hmstype.ActorRef{Kind: hmstype.ActorHuman, User: user, Person: user}
}
