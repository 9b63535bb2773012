package identity_test

import (
	"errors"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// Many decide on one request at once: one does, and the role is given once.
func TestDecideAccessChange_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	admin, _ := person(t, env, identity.RoleAdmin)
	asked := askFor(t, env, admin, env.User(t).ID)
	errs := make([]error, 6)
	var wg sync.WaitGroup
	for i := range errs {
		approver, _ := person(t, env, identity.RoleAdmin)
		in := approving(asked)
		if i%2 == 1 {
			in.Status = identity.AccessRejected
		}
		wg.Go(func() { _, errs[i] = env.Identity.DecideAccessChange(approver, in) })
	}
	wg.Wait()
	decided := 0
	for _, err := range errs {
		if err == nil {
			decided++
			continue
		}
		require.ErrorIs(t, err, hmstype.ErrInvalidTransition)
	}
	require.Equal(t, 1, decided)
	now, err := env.Identity.GetAccessChange(env.Ctx, asked.ID)
	require.NoError(t, err)
	given := dbtest.Scalar[int](t, env, `SELECT count(*) FROM hms.user_role WHERE tenant_id = ? AND user_id = ?`,
		env.Tenant, asked.User)
	require.Equal(t, now.Status == identity.AccessApproved, given == 1)
}

// Of requests to change one role at once one is approved: the others asked of a role that is no more.
func TestDecideAccessChange_ConcurrentOfOneRole(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := env.Identity
	admin, _ := person(t, env, identity.RoleAdmin)
	approver, _ := person(t, env, identity.RoleAdmin)
	role := roleNamed(t, env, identity.RoleCashier)
	errs, requests := make([]error, 5), make([]identity.AccessChange, 5)
	for i := range requests { // all before the first is decided, which makes the others stale
		asked, err := s.RequestRoleChange(admin, identity.RequestRoleChangeInput{
			Role: role.ID, Version: role.Version, RoleDetails: identity.RoleDetails{
				Permissions: append(role.Permissions[:len(role.Permissions):len(role.Permissions)], hmstype.Permissions()[i]),
			}, Reason: "One more",
		})
		require.NoError(t, err)
		requests[i] = asked
	}
	var wg sync.WaitGroup
	for i, asked := range requests {
		wg.Go(func() { _, errs[i] = s.DecideAccessChange(approver, approving(asked)) })
	}
	wg.Wait()
	stale := 0
	for _, err := range errs {
		if errors.Is(err, hmstype.ErrStale) {
			stale++
			continue
		}
		require.NoError(t, err)
	}
	require.Equal(t, len(errs)-1, stale)
	now := roleNamed(t, env, identity.RoleCashier)
	require.Equal(t, role.Version+1, now.Version)
	require.Len(t, now.Permissions, len(role.Permissions)+1)
}

// TestAccessChange_Guards tries by SQL, as superuser, what must never be.
func TestAccessChange_Guards(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	admin, adminID := person(t, env, identity.RoleAdmin)
	_, strangerID := person(t, env, identity.RoleAdmin)
	_, sockID := madeBy(t, env, admin)
	own := further(t, env, adminID, identity.RoleAdmin)
	asked := askFor(t, env, admin, env.User(t).ID)
	approve := func(by hmstype.ActorRef, after string) error {
		_, err := env.DB.NewRaw(`UPDATE hms.access_change SET status = 'approved', decided_by = ?,
			decided_at = created_at + ?::interval WHERE id = ?`, by, after, asked.ID).Exec(t.Context())
		return err
	}
	ref := func(user hmstype.UserID) hmstype.ActorRef { return hmstype.HumanActor(env.Tenant, user).Ref() }
	ofOwn := hmstype.HumanActor(env.Tenant, own.ID)
	ofOwn.Person = adminID
	for _, tt := range []struct {
		by          hmstype.ActorRef
		after, want string
	}{
		{ref(adminID), "1 hour", "access_change_approver_check"},
		{ofOwn.Ref(), "1 hour", "access_change_approver_check"},
		{ref(sockID), "1 hour", "one of them made an account of the other"},
		{ref(asked.User), "1 hour", "nobody approves what he himself gets"},
		{ref(strangerID), "7 days", "access_change_expired_check"},
	} {
		require.ErrorContains(t, approve(tt.by, tt.after), tt.want, tt.by)
	}
	for change, want := range map[string]string{
		"reason = 'another'":                               "HM002",
		"user_version = 2":                                 "HM002",
		"expires_at = expires_at - interval '1 day'":       "HM002",
		"status = 'approved'":                              "access_change_decided_check",
		"decided_by = 'system:x', decided_at = created_at": "access_change_decided_check",
	} {
		_, err := env.DB.NewRaw(`UPDATE hms.access_change SET `+change+` WHERE id = ?`, asked.ID).Exec(t.Context())
		require.ErrorContains(t, err, want, change)
	}
	require.NoError(t, approve(ref(strangerID), "1 hour"))
	_, err := env.DB.NewRaw(`UPDATE hms.access_change SET decision_text = 'another' WHERE id = ?`,
		asked.ID).Exec(t.Context())
	require.ErrorContains(t, err, "HM002", "it is decided once")
}

// What a request says goes with its kind, whoever writes it.
func TestAccessChange_ChecksOfNewOnes(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	user, role := env.User(t).ID, roleNamed(t, env, identity.RoleNurse).ID
	columns := func(change map[string]any) map[string]any {
		row := map[string]any{
			"tenant_id": env.Tenant, "id": hmstype.NewID[hmstype.AccessChangeID](), "kind": "administrator",
			"user_id": user, "user_version": 1, "roles": `[{"id": "x"}]`, "reason": "because", "status": "requested",
			"created_by": "system:test", "created_at": dbtest.Start, "expires_at": dbtest.Start.Add(identity.ApprovalWithin),
		}
		for column, value := range change {
			row[column] = value
		}
		return row
	}
	insert := func(change map[string]any) error {
		row := columns(change)
		_, err := env.DB.NewInsert().Model(&row).ModelTableExpr("hms.access_change").Exec(t.Context())
		return err
	}
	require.NoError(t, insert(nil))
	require.NoError(t, insert(map[string]any{
		"kind": "role", "user_id": nil, "user_version": nil, "roles": "[]", "role_id": role, "role_version": 1,
	}))
	require.NoError(t, insert(map[string]any{"kind": "second-factor", "roles": "[]"}))
	for _, tt := range []struct {
		change map[string]any
		want   string
	}{
		{map[string]any{"kind": "other"}, "access_change_kind_check"},
		{map[string]any{"roles": "[]"}, "access_change_kind_check"},
		{map[string]any{"permissions": `["a.b"]`}, "access_change_kind_check"},
		{map[string]any{"role_id": role, "role_version": 1}, "access_change_kind_check"},
		{map[string]any{"kind": "second-factor"}, "access_change_kind_check"},
		{map[string]any{"kind": "role", "roles": "[]"}, "access_change_kind_check"},
		{map[string]any{"user_version": nil}, "access_change_version_check"},
		{map[string]any{"roles": `{"id": "x"}`}, "access_change_list_check"},
		{map[string]any{"expires_at": dbtest.Start.Add(identity.ApprovalWithin + 1000)}, "access_change_period_check"},
		{map[string]any{"expires_at": dbtest.Start}, "access_change_period_check"},
		{map[string]any{"reason": "no"}, "access_change_texts_check"},
		{map[string]any{"user_id": hmstype.NewID[hmstype.UserID]()}, "access_change_user_fkey"},
		{map[string]any{"user_id": dbtest.New(t).User(t).ID}, "access_change_user_fkey"},
	} {
		require.ErrorContains(t, insert(tt.change), tt.want, "%v", tt.change)
	}
}
