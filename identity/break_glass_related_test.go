package identity_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// madeBy creates an administrator's account in the name of somebody, and gives its context.
func madeBy(t *testing.T, env *dbtest.Env, maker context.Context) (context.Context, hmstype.UserID) {
	t.Helper()
	user, err := env.Identity.CreateUser(maker, identity.CreateUserInput{Profile: aProfile()})
	require.NoError(t, err)
	_, err = env.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
		ID: user.ID, Roles: []string{identity.RoleAdmin},
	})
	require.NoError(t, err)
	return provedJustNow(t, env, user.ID), user.ID
}

func judge(grant identity.BreakGlass) identity.ReviewBreakGlassInput {
	return identity.ReviewBreakGlassInput{
		ID:               grant.ID,
		BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "Seen in the ER log"},
	}
}

// Nobody judges a grant by an account that its user made of late, over others too, nor one of an account
// that he made himself; the refusal is on the trail.
func TestReviewBreakGlass_RefusesRelatedReviewers(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	admin, _ := person(t, env, identity.RoleAdmin, identity.RoleDoctor)
	grant, err := s.BreakTheGlass(admin, glass(vip))
	require.NoError(t, err)
	sock, sockID := madeBy(t, env, admin)
	further, _ := madeBy(t, env, sock)
	for _, reviewer := range []context.Context{sock, further} {
		_, err = s.ReviewBreakGlass(reviewer, judge(grant))
		require.ErrorIs(t, err, identity.ErrRelatedReviewer)
		require.ErrorIs(t, err, hmstype.ErrPrecondition)
	}
	trail, err := audit.New(env.Base).ListEvents(env.Ctx,
		audit.ListEventsInput{User: sockID, Actions: []audit.Action{audit.ActionDenied}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 1)
	require.Equal(t, grant.ID.String(), trail.Items[0].EntityID)

	own, err := s.BreakTheGlass(sock, glass(vip))
	require.NoError(t, err)
	_, err = s.ReviewBreakGlass(admin, judge(own))
	require.ErrorIs(t, err, identity.ErrRelatedReviewer, "who made the account of the grant's user")

	stranger, _ := person(t, env, identity.RoleAdmin)
	reviewed, err := s.ReviewBreakGlass(stranger, judge(grant))
	require.NoError(t, err, "another whom the host's set-up made")
	require.False(t, reviewed.Related)
}

// After a month the maker of an account is a colleague as any other.
func TestReviewBreakGlass_AMonthLater(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s, vip := env.Identity, restrictedPatient(t, env)
	_, adminID := person(t, env, identity.RoleAdmin, identity.RoleDoctor)
	_, colleagueID := madeBy(t, env, provedJustNow(t, env, adminID))
	env.Clock.Advance(identity.RelatedWithin - time.Microsecond)
	early, err := s.BreakTheGlass(provedJustNow(t, env, adminID), glass(vip))
	require.NoError(t, err)
	env.Clock.Advance(time.Microsecond)
	late, err := s.BreakTheGlass(provedJustNow(t, env, adminID), glass(vip))
	require.NoError(t, err)
	colleague := provedJustNow(t, env, colleagueID)
	_, err = s.ReviewBreakGlass(colleague, judge(early))
	require.ErrorIs(t, err, identity.ErrRelatedReviewer, "when the grant began counts, not when it is judged")
	reviewed, err := s.ReviewBreakGlass(colleague, judge(late))
	require.NoError(t, err)
	require.False(t, reviewed.Related)
}

// A practice that keeps nothing apart may let a related person judge, and the review says so, whoever
// writes it: the database holds by itself.
func TestReviewBreakGlass_SaysThatTheReviewerIsRelated(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	vip := restrictedPatient(t, env)
	base := env.Base
	base.Separation = []hmstype.SeparatedPair{}
	s := env.Identity.Bind(base)
	admin, adminID := person(t, env, identity.RoleAdmin, identity.RoleDoctor)
	grant, err := s.BreakTheGlass(admin, glass(vip))
	require.NoError(t, err)
	sock, sockID := madeBy(t, env, admin)

	raw := func(by hmstype.UserID, related bool) error {
		_, err := env.DB.NewRaw(`UPDATE hms.break_glass SET status = 'reviewed', outcome = 'justified', reviewed_by = ?,
			reviewed_at = now(), related = ? WHERE id = ?`,
			hmstype.HumanActor(env.Tenant, by).Ref(), related, grant.ID).Exec(t.Context())
		return err
	}
	_, strangerID := person(t, env, identity.RoleAdmin)
	require.ErrorContains(t, raw(sockID, false), "HM004", "it must say so")
	require.ErrorContains(t, raw(strangerID, true), "HM004", "and no lie")
	_, err = env.DB.NewRaw(`UPDATE hms.break_glass SET related = true WHERE id = ?`, grant.ID).Exec(t.Context())
	require.ErrorContains(t, err, "break_glass_related_check", "not before there is a review")

	_, err = s.ReviewBreakGlass(admin, judge(grant))
	require.ErrorIs(t, err, identity.ErrOwnReview, "but nobody his own")
	reviewed, err := s.ReviewBreakGlass(sock, judge(grant))
	require.NoError(t, err)
	require.True(t, reviewed.Related)
	role, err := s.CreateRole(env.Ctx, identity.CreateRoleInput{Name: "Reviewer", RoleDetails: identity.RoleDetails{
		Permissions: []hmstype.Permission{hmstype.PermBreakGlassReview},
	}})
	require.NoError(t, err)
	outsider, _ := person(t, env, role.Name)
	list, err := s.ListBreakGlassGrants(outsider, identity.ListBreakGlassGrantsInput{User: adminID})
	require.NoError(t, err)
	require.True(t, list.Items[0].Related && list.Items[0].Withheld, "also to who may not see the record")
	require.Equal(t, "true", dbtest.Scalar[string](t, env, `SELECT data ->> 'related' FROM hms.outbox
		WHERE tenant_id = ? AND event_type = 'identity.break_glass_reviewed'`, env.Tenant))
	_, err = env.DB.NewRaw(`UPDATE hms.break_glass SET related = false WHERE id = ?`, grant.ID).Exec(t.Context())
	require.ErrorContains(t, err, "HM002")
}
