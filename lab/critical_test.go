package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/lab"
)

// critical makes an open case.
func (b *bundle) critical(t *testing.T, test lab.Test) lab.CriticalAlert {
	t.Helper()
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("9.9"))
	for _, alert := range b.alerts(t) {
		if alert.Result == out.Results[0].ID {
			return alert
		}
	}
	require.FailNow(t, "no case")
	return lab.CriticalAlert{}
}

func TestService_AcknowledgeCritical(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alert := b.critical(t, b.potassium(t))
	require.Equal(t, lab.FlagCriticalHigh, alert.Flag)
	in := lab.AcknowledgeCriticalInput{ID: alert.ID, Comment: "told Dr A by telephone, calcium given"}

	_, err := b.lab.AcknowledgeCritical(b.Ctx, in)
	require.ErrorIs(t, err, lab.ErrPersonRequired)
	_, err = b.lab.AcknowledgeCritical(b.As(t, identity.RoleReceptionist), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{ID: alert.ID, Comment: " \n"})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = b.lab.CloseCritical(b.doctor, lab.CloseCriticalInput{ID: alert.ID, Comment: "x", ReadBack: true})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	other := setup(t)
	_, err = other.lab.AcknowledgeCritical(other.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrNotFound)

	b.Clock.Advance(7 * time.Minute)
	alert, err = b.lab.AcknowledgeCritical(b.doctor, in)
	require.NoError(t, err)
	require.Equal(t, b.by(b.doctor), alert.AcknowledgedBy)
	require.Equal(t, 7*time.Minute, alert.TimeToAcknowledge())

	_, err = b.lab.CloseCritical(b.doctor, lab.CloseCriticalInput{ID: alert.ID, Comment: "potassium 5.0 on repeat"})
	require.ErrorIs(t, err, lab.ErrReadBack)
	alert, err = b.lab.CloseCritical(b.doctor, lab.CloseCriticalInput{
		ID: alert.ID, Comment: "potassium 5.0 on repeat", ReadBack: true,
	})
	require.NoError(t, err)
	require.Equal(t, lab.AlertClosed, alert.Status)
	require.Empty(t, b.alerts(t))
	_, err = b.lab.AcknowledgeCritical(b.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
}

func TestService_AcknowledgeCritical_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	alert := b.critical(t, b.potassium(t))
	outcome := together(64, func(i int) error {
		_, err := b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{
			ID: alert.ID, Comment: "caller " + itoa(i), ReadBack: true,
		})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 1, hmstype.KindPrecondition: 63}, outcome)
	require.Equal(t, 1, b.events(t, "lab.critical_acknowledged"))
	require.EqualValues(t, 2, b.alerts(t)[0].Version)
}

func TestService_EscalateCritical(t *testing.T) {
	t.Parallel()
	b := setup(t, func(p *lab.Ports) { p.EscalateCriticalAfter = 10 * time.Minute })
	test := b.potassium(t)
	first := b.critical(t, test)
	escalate := func(after time.Duration) []lab.CriticalAlert {
		list, err := b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{AsOf: dbtest.Start.Add(after)})
		require.NoError(t, err)
		return list
	}
	require.Empty(t, escalate(10*time.Minute-time.Microsecond))
	list := escalate(10 * time.Minute)
	require.Len(t, list, 1)
	require.EqualValues(t, 1, list[0].EscalationLevel)
	require.Empty(t, escalate(10*time.Minute), "once per time that ran out")
	list = escalate(45 * time.Minute)
	require.EqualValues(t, 4, list[0].EscalationLevel, "three more have run out meanwhile")
	require.Equal(t, dbtest.Start.Add(50*time.Minute), list[0].EscalateAt)
	require.Equal(t, 2, b.events(t, "lab.critical_escalated"))

	_, err := b.lab.AcknowledgeCritical(b.doctor, lab.AcknowledgeCriticalInput{ID: first.ID, Comment: "told"})
	require.NoError(t, err)
	require.Empty(t, escalate(24*time.Hour), "an acknowledged case is not escalated")
	open, err := b.lab.ListCriticalAlerts(b.doctor, lab.ListCriticalAlertsInput{OnlyOpen: true})
	require.NoError(t, err)
	require.Empty(t, open.Items)
	_, err = b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func TestService_EscalateCritical_Concurrent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	for range 5 {
		b.critical(t, test)
	}
	outcome := together(16, func(int) error {
		_, err := b.lab.EscalateCritical(b.Ctx, lab.EscalateCriticalInput{AsOf: dbtest.Start.Add(time.Hour)})
		return err
	})
	require.Equal(t, map[hmstype.Kind]int{hmstype.KindNone: 16}, outcome)
	require.Equal(t, 5, b.events(t, "lab.critical_escalated"), "each case once")
}

func TestService_ListCriticalAlerts_Pages(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	for range 3 {
		b.critical(t, test)
		b.Clock.Advance(time.Second)
	}
	list, err := b.lab.ListCriticalAlerts(b.doctor, lab.ListCriticalAlertsInput{Page: hmstype.Page{Limit: 2}})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	require.True(t, list.Items[0].CreatedAt.Before(list.Items[1].CreatedAt))
	rest, err := b.lab.ListCriticalAlerts(b.doctor, lab.ListCriticalAlertsInput{Page: hmstype.Page{Cursor: list.Next}})
	require.NoError(t, err)
	require.Len(t, rest.Items, 1)
	_, err = b.lab.ListCriticalAlerts(b.doctor, lab.ListCriticalAlertsInput{Page: hmstype.Page{Limit: 501}})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}
