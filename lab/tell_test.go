package lab_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
)

// post keeps what is sent, as package inbox would.
type post struct {
	mu   sync.Mutex
	sent []lab.Notice
}

func (p *post) Notify(_ context.Context, _ bun.IConn, notice lab.Notice) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, notice)
	return nil
}

// users gives whom the last notice told.
func (p *post) users(t *testing.T) []hmstype.UserID {
	t.Helper()
	require.NotEmpty(t, p.sent)
	to := p.sent[len(p.sent)-1].To
	require.Len(t, slices.Compact(slices.Clone(to)), len(to), "one each")
	return to
}

func told(t *testing.T) (*bundle, *post) {
	t.Helper()
	b, p := setup(t), &post{}
	b.ports.Readers, b.ports.Notices = audit.NewPort(b.Base), p
	b.lab = lab.New(b.Base, b.ports)
	return b, p
}

func (b *bundle) user(t *testing.T, role string) (context.Context, hmstype.UserID) {
	t.Helper()
	id := b.User(t, role).ID
	return hmstype.WithActor(t.Context(), hmstype.HumanActor(b.Tenant, id)), id
}

// Every former reader is told of a correction, not the last reviewer alone; who read other things, or read what stood
// there before the wrong value, is not.
func TestService_CorrectResult_TellsEveryReader(t *testing.T) {
	t.Parallel()
	b, p := told(t)
	test := b.potassium(t)
	who := b.adult(t)
	early, earlyID := b.user(t, identity.RoleNurse)
	order := b.drawn(t, who, test)
	_, err := b.lab.GetReport(early, order.ID)
	require.NoError(t, err)
	out := b.verify(t, b.enter(t, test, order.Items[0], number("4")).Item)
	reader, readerID := b.user(t, identity.RoleDoctor)
	_, err = b.lab.GetReport(reader, order.ID)
	require.NoError(t, err)
	nurse, nurseID := b.user(t, identity.RoleNurse)
	_, err = b.lab.ListResultHistory(nurse, lab.ListResultHistoryInput{Patient: who, Analyte: test.Analytes[0].ID})
	require.NoError(t, err)
	another, anotherID := b.user(t, identity.RoleDoctor)
	other := b.order(t, who, test)
	_, err = b.lab.GetReport(another, other.ID)
	require.NoError(t, err)
	item, err := b.lab.ReviewResult(b.doctor, lab.ReviewResultInput{ItemRef: ref(out.Item)})
	require.NoError(t, err)

	corrected, err := b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
		ItemRef: ref(item), Analyte: test.Analytes[0].ID, Value: number("6"), Reason: "transposed",
	})
	require.NoError(t, err)
	require.ElementsMatch(t, []hmstype.UserID{readerID, nurseID, b.doctorID, b.by(b.tech).User}, p.users(t))
	require.NotContains(t, p.users(t), earlyID)
	require.NotContains(t, p.users(t), anotherID)
	require.False(t, p.sent[0].Withdrawn)

	_, err = b.lab.CorrectResult(b.senior, lab.CorrectResultInput{
		ItemRef: ref(corrected.Item), Analyte: test.Analytes[0].ID, Value: number("5"), Reason: "again",
	})
	require.NoError(t, err)
	require.Empty(t, p.users(t), "nobody has read the second value")
}

// Whoever saw a value of another patient's blood is told that it is withdrawn.
func TestService_RejectSpecimen_TellsWhoSaw(t *testing.T) {
	t.Parallel()
	b, p := told(t)
	_, out := b.final(t, b.potassium(t), b.adult(t), number("9.9"))
	reader, readerID := b.user(t, identity.RoleDoctor)
	_, err := b.lab.ListCriticalAlerts(reader, lab.ListCriticalAlertsInput{})
	require.NoError(t, err)
	b.reject(t, out.Item.Specimen, true)
	require.ElementsMatch(t, []hmstype.UserID{readerID, b.by(b.senior).User}, p.users(t), "but for who rejects it")
	require.True(t, p.sent[0].Withdrawn)
	require.Equal(t, out.Item.Order, p.sent[0].Order)
}
