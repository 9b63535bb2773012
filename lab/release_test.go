package lab_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/lab"
)

// What is verified is not final yet: another person may release it, another value takes the
// verification away, and the versions of the result say who did what.
func TestService_ReleaseResult(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	entered := b.enter(t, test, order.Items[0], number("4")).Item

	_, err := b.lab.ReleaseResult(b.senior, lab.ReleaseResultInput{ItemRef: ref(entered)})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition, "nobody has verified it")
	b.Clock.Advance(time.Minute)
	verified, err := b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(entered)})
	require.NoError(t, err)
	require.Equal(t, lab.ItemVerified, verified.Item.Status)
	require.Equal(t, b.by(b.senior), verified.Item.VerifiedBy)
	require.Equal(t, b.Clock.Now(), verified.Item.VerifiedAt)
	require.Zero(t, verified.Item.ResultDate)
	require.Equal(t, lab.ResultPreliminary, verified.Results[0].Status, "a reader sees that it is not released")
	require.Equal(t, lab.OrderActive, b.reload(t, order).Status)
	work, err := b.lab.ListWorklist(b.tech, lab.ListWorklistInput{Status: lab.ItemVerified})
	require.NoError(t, err)
	require.Len(t, work.Items, 1, "it waits for its release")
	_, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(verified.Item)})
	require.ErrorIs(t, err, hmstype.ErrInvalidTransition)

	again := b.enter(t, test, verified.Item, number("4.4")).Item
	require.Equal(t, lab.ItemPreliminary, again.Status)
	require.Zero(t, again.VerifiedBy)
	require.Zero(t, again.VerifiedAt)
	verified, err = b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(again)})
	require.NoError(t, err)

	other := b.As(t, identity.RoleLabTechnician)
	in := lab.ReleaseResultInput{ItemRef: ref(verified.Item), IdempotencyKey: "release"}
	_, err = b.lab.ReleaseResult(b.doctor, in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	in.Version--
	_, err = b.lab.ReleaseResult(other, in)
	require.ErrorIs(t, err, hmstype.ErrStale)
	in.Version++
	b.Clock.Advance(time.Minute)
	released, err := b.lab.ReleaseResult(other, in)
	require.NoError(t, err)
	require.Equal(t, lab.ItemFinal, released.Item.Status)
	require.Equal(t, b.Clock.Now(), released.Item.ResultDate)
	require.Equal(t, lab.ResultFinal, released.Results[0].Status)
	require.Equal(t, b.by(b.senior), released.Results[0].VerifiedBy)
	require.Equal(t, verified.Item.VerifiedAt, released.Results[0].VerifiedAt)
	require.Equal(t, b.by(other), released.Results[0].CreatedBy)
	require.Equal(t, lab.OrderCompleted, b.reload(t, order).Status)
	replay, err := b.lab.ReleaseResult(other, in)
	require.NoError(t, err)
	require.Equal(t, released, replay)
	require.Equal(t, 1, b.events(t, "lab.released"))
}

// A specimen that is rejected takes the verification of its items along.
func TestService_RejectSpecimen_Verified(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.order(t, b.adult(t), test)
	specimen := b.collect(t, order)
	out := b.enter(t, test, b.reload(t, order).Items[0], number("4"))
	_, err := b.lab.VerifyResult(b.senior, lab.VerifyResultInput{ItemRef: ref(out.Item)})
	require.NoError(t, err)
	_, err = b.lab.RejectSpecimen(b.tech, lab.RejectSpecimenInput{
		ID: specimen.ID, Version: specimen.Version, Reason: "of another patient", Recollect: true,
	})
	require.NoError(t, err)
	item := b.reload(t, order).Items[0]
	require.Equal(t, lab.ItemOrdered, item.Status)
	require.Zero(t, item.VerifiedBy)
}

// Who may verify and not release gets nothing done by asking for both.
func TestService_VerifyResult_ReleaseAsksForBoth(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("4"))
	_, err := b.Identity.CreateRole(b.Ctx, identity.CreateRoleInput{Name: "Verifier", RoleDetails: identity.RoleDetails{
		Permissions: []hmstype.Permission{hmstype.PermLabVerify},
	}})
	require.NoError(t, err)
	verifier := b.As(t, "Verifier")
	_, err = b.lab.VerifyResult(verifier, lab.VerifyResultInput{ItemRef: ref(out.Item), Release: true})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	require.ErrorContains(t, err, string(hmstype.PermLabRelease))
	require.Equal(t, lab.ItemPreliminary, b.reload(t, order).Items[0].Status)
	verified, err := b.lab.VerifyResult(verifier, lab.VerifyResultInput{ItemRef: ref(out.Item)})
	require.NoError(t, err)
	require.Equal(t, lab.ItemVerified, verified.Item.Status)
}

// A nurse draws, reads and answers; she does not overwrite what the laboratory measured.
func TestRoles_NurseDoesNotEnterResults(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	order := b.drawn(t, b.adult(t), test)
	out := b.enter(t, test, order.Items[0], number("6.9"))
	nurse := b.As(t, identity.RoleNurse)
	_, err := b.lab.EnterResult(nurse, lab.EnterResultInput{
		ItemRef: ref(out.Item), Values: []lab.EnteredValue{{Analyte: test.Analytes[0].ID, Value: number("4.1")}},
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
	_, err = b.lab.AcknowledgeCritical(nurse, lab.AcknowledgeCriticalInput{
		ID: b.alerts(t)[0].ID, Comment: "told the doctor on call", ReadBack: true,
	})
	require.NoError(t, err)
	_, err = b.lab.AddReferenceRange(b.tech, lab.AddReferenceRangeInput{
		RangeDetails: lab.RangeDetails{Analyte: test.Analytes[0].ID, Sex: lab.SexAny, Bounds: bounds("", "1", "9", "")},
	})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied, "ranges are the supervisor's")
}

// Who is named as the one who orders treats.
func TestService_AddOrder_RequesterTreats(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test, who := b.potassium(t), b.adult(t)
	_, err := b.lab.AddOrder(b.tech, lab.AddOrderInput{
		Patient: who, Tests: []hmstype.LabTestID{test.ID},
		OrderDetails: lab.OrderDetails{Requester: b.User(t, identity.RoleCashier).ID},
	})
	require.ErrorIs(t, err, hmstype.ErrNotPractitioner)
}

// A comment makes nobody the author of a value: whoever entered it corrects it no more than before.
func TestService_CorrectResult_CommentKeepsWhoEntered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	test := b.potassium(t)
	entered := b.As(t, identity.RoleLabTechnician)
	b.tech = entered
	_, out := b.final(t, test, b.adult(t), number("5.5"))
	in := lab.CorrectResultInput{
		ItemRef: ref(out.Item), Analyte: test.Analytes[0].ID, Value: number("5.5"), Comment: "repeated", Reason: "asked",
	}
	amended, err := b.lab.CorrectResult(b.senior, in)
	require.NoError(t, err)
	require.Equal(t, lab.ResultAmended, amended.Results[0].Status)
	require.Equal(t, b.by(entered), amended.Results[0].EnteredBy)
	in.ItemRef, in.Value = ref(amended.Item), number("9.9")
	_, err = b.lab.CorrectResult(entered, in)
	require.ErrorIs(t, err, hmstype.ErrSeparationOfDuties)
	_, err = b.lab.CorrectResult(b.senior, in)
	require.NoError(t, err)
}
