package identity_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
)

// drawn are the permissions that the property plays with: a few, so that sets overlap.
var drawn = []hmstype.Permission{
	hmstype.PermPatientRead, hmstype.PermPrescribe, hmstype.PermDispense, hmstype.PermAuditRead,
	hmstype.PermIdentityEscalate,
}

// keeper is somebody who manages accounts, by himself or by a key, with what he holds beside it.
type keeper struct {
	s         *identity.Service // of a host that lets one person make an administrator, or of one that does not
	alone     bool              // whether it does
	isKey     bool              // whether he acts by an API key, which makes no keys
	ctx       context.Context
	effective []hmstype.Permission // roles ∩ scopes, as the property works it out for itself
}

func drawKeeper(rt *rapid.T, t *testing.T, env *dbtest.Env) keeper {
	k := keeper{s: env.Identity, alone: rapid.Bool().Draw(rt, "alone")}
	if k.alone {
		k.s = ofOne(env)
	}
	s := env.Identity
	holds := append(subset(rt, "holds"), hmstype.PermIdentityManage)
	role, err := s.CreateRole(env.Ctx, roleOf(holds...))
	require.NoError(rt, err)
	user, err := s.CreateUser(env.Ctx, identity.CreateUserInput{Profile: aProfile(), Roles: []string{role.Name}})
	require.NoError(rt, err)
	if !rapid.Bool().Draw(rt, "key") {
		k.ctx, k.effective = provedJustNow(t, env, user.ID), holds
		return k
	}
	scopes := append(subset(rt, "scopes"), hmstype.PermIdentityManage)
	key, err := s.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{User: user.ID, Name: "k", Scopes: scopes}, Expiry: time.Hour,
	})
	require.NoError(rt, err)
	actor, err := s.Authenticate(t.Context(), key.Token)
	require.NoError(rt, err)
	k.isKey, k.ctx = true, hmstype.WithActor(t.Context(), actor)
	k.effective = slices.DeleteFunc(holds, func(p hmstype.Permission) bool { return !slices.Contains(scopes, p) })
	return k
}

func subset(rt *rapid.T, label string) []hmstype.Permission {
	return rapid.SliceOfNDistinct(rapid.SampledFrom(drawn), 0, len(drawn), rapid.ID).Draw(rt, label)
}

// The ways by which a keeper tries to obtain something.
const (
	byNewRole = iota
	byChangedRole
	byRolesOfAnother
	byKey
)

// obtain tries to get permissions for a new account, and gives whom it is; what is refused is refused.
func (k keeper) obtain(
	rt *rapid.T, t *testing.T, env *dbtest.Env, way int, wanted []hmstype.Permission,
) hmstype.Actor {
	s := k.s
	there, err := s.CreateRole(env.Ctx, roleOf(wanted...)) // a role that the hospital has, whatever the keeper may
	require.NoError(rt, err)
	role := there
	switch way {
	case byNewRole:
		if role, err = s.CreateRole(k.ctx, roleOf(wanted...)); err != nil {
			role = identity.Role{}
		}
	case byChangedRole:
		role, err = s.CreateRole(k.ctx, roleOf())
		require.NoError(rt, err)
		_, _ = s.UpdateRole(k.ctx, identity.UpdateRoleInput{
			ID: role.ID, Version: role.Version, RoleDetails: identity.RoleDetails{Permissions: wanted},
		})
	}
	user, err := s.CreateUser(k.ctx, identity.CreateUserInput{Profile: aProfile()})
	require.NoError(rt, err)
	puppet := hmstype.HumanActor(env.Tenant, user.ID)
	if way != byKey {
		if role.Name != "" {
			_, _ = s.SetUserRoles(k.ctx, identity.SetUserRolesInput{ID: user.ID, Roles: []string{role.Name}})
		}
		return puppet
	}
	// The account holds it all already; what the keeper gets is its key.
	_, err = s.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: user.ID, Roles: []string{there.Name}})
	require.NoError(rt, err)
	puppet.Scopes = []hmstype.Permission{}
	key, err := s.CreateAPIKey(k.ctx, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{User: user.ID, Name: "k", Scopes: wanted}, Expiry: time.Hour,
	})
	if err == nil {
		puppet, err = s.Authenticate(t.Context(), key.Token)
		require.NoError(rt, err)
	}
	return puppet
}

// For whatever somebody holds, himself or within the scopes of a key, and whatever he tries: what he obtains for
// another allows nothing outside of what he may himself. With the right to escalate he may give all. Where another
// person must approve it, no account becomes an administrator's by him.
func TestGranting_WhatIsObtainedLiesWithinWhatIsHeld(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		k := drawKeeper(rt, t, env)
		wanted := rapid.SliceOfNDistinct(rapid.SampledFrom(drawn), 1, 3, rapid.ID).Draw(rt, "wanted")
		way := rapid.IntRange(byNewRole, byKey).Draw(rt, "way")
		got := k.obtain(rt, t, env, way, wanted)
		mustAsk := !k.alone && way != byKey && slices.Contains(wanted, hmstype.PermIdentityEscalate)
		all := slices.Contains(k.effective, hmstype.PermIdentityEscalate)
		within := true
		for _, p := range wanted {
			within = within && slices.Contains(k.effective, p)
		}
		ctx := hmstype.WithActor(t.Context(), got)
		for _, p := range drawn {
			allowed, err := env.Base.Allows(ctx, p)
			require.NoError(rt, err)
			require.True(rt, !allowed || all || slices.Contains(k.effective, p), "%s was obtained", p)
			if slices.Contains(wanted, p) && (all || within) {
				require.Equal(rt, !mustAsk && (!k.isKey || way != byKey), allowed,
					"%s was his to give, unless another must approve it or a key would make a key", p)
			}
			require.False(rt, mustAsk && allowed, "%s was obtained alone", p)
		}
	})
}
