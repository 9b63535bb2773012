package lab_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
)

// wards says of every patient that he lies in one ward.
type wards hmstype.WardID

func (w wards) PatientWard(context.Context, bun.IConn, hmstype.PatientID) (hmstype.WardID, error) {
	return hmstype.WardID(w), nil
}

func (b *bundle) ward(t *testing.T) hmstype.WardID {
	t.Helper()
	ward, err := facility.New(b.Base, facility.Ports{}).CreateWard(b.Ctx, facility.CreateWardInput{
		WardDetails: facility.WardDetails{Name: hmstype.NewID[hmstype.WardID]().String(), Type: "general"},
	})
	require.NoError(t, err)
	return ward.ID
}

// duty assigns somebody to a ward, or to a service where the ward is zero, for the first day.
func (b *bundle) duty(t *testing.T, user hmstype.UserID, ward hmstype.WardID) {
	t.Helper()
	in := identity.AssignDutyInput{
		User: user, Kind: identity.DutyOnDuty, DutyPlace: identity.DutyPlace{Ward: ward},
		Period: hmstype.Period{Start: dbtest.Start, End: dbtest.Start.Add(24 * time.Hour)},
	}
	if ward.IsZero() {
		in.Service = "Medicine"
	}
	_, err := b.Identity.AssignDuty(b.Ctx, in)
	require.NoError(t, err)
}

func TestService_EscalateCritical_TellsWhoIsOnDuty(t *testing.T) {
	t.Parallel()
	w := new(wards)
	b := setup(t, func(p *lab.Ports) { p.EscalateCriticalAfter, p.Wards = 10*time.Minute, w })
	*w = wards(b.ward(t))
	test := b.potassium(t)
	b.critical(t, test)
	escalate := func(after time.Duration, role string) []hmstype.UserID {
		t.Helper()
		list, err := b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{AsOf: dbtest.Start.Add(after), Role: role})
		require.NoError(t, err)
		require.Len(t, list, 1)
		return list[0].Tell
	}
	there, elsewhere := b.User(t, identity.RoleDoctor).ID, b.User(t, identity.RoleDoctor).ID
	nurse := b.User(t, identity.RoleNurse).ID
	b.duty(t, there, hmstype.WardID(*w))
	b.duty(t, nurse, hmstype.WardID(*w))
	b.duty(t, elsewhere, hmstype.WardID{})
	require.Equal(t, []hmstype.UserID{there}, escalate(10*time.Minute, ""), "at first who is in the ward")
	require.ElementsMatch(t, []hmstype.UserID{there, elsewhere}, escalate(20*time.Minute, ""), "then the whole house")
	require.Equal(t, []hmstype.UserID{nurse}, escalate(30*time.Minute, "nurse"), "of the role that is asked for")
	require.Empty(t, escalate(25*time.Hour, ""), "nobody is there: whoever holds the role")
	require.Equal(t, 4, b.events(t, "lab.critical_escalated"))
	require.Equal(t, there.String(), dbtest.Scalar[string](t, b.Env, `SELECT data -> 'tell' ->> 0 FROM hms.outbox
		WHERE tenant_id = ? AND event_type = 'lab.critical_escalated' ORDER BY id LIMIT 1`, b.Tenant))

	b.critical(t, test)
	*w = wards(b.ward(t)) // of whom nobody is there
	later := dbtest.Start.Add(10 * time.Minute)
	list, err := b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{AsOf: later})
	require.NoError(t, err)
	require.ElementsMatch(t, []hmstype.UserID{there, elsewhere}, list[0].Tell, "where the ward is empty, the whole house")

	_, err = b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{AsOf: later, Role: "Astronaut"})
	require.ErrorIs(t, err, hmstype.ErrNotFound)
}
