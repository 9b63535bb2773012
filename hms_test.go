package hms_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

func TestHMS_InTx(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	stock := env.Stock(t, 10, "")
	who := env.Patient(t)
	sell := pharmacy.DispenseInput{Patient: who.ID, Item: stock.Item.ID, Location: stock.Location, Quantity: 6}

	require.ErrorIs(t, env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		if _, err := tx.Pharmacy.Dispense(ctx, sell); err != nil {
			return err
		}
		_, err := tx.Pharmacy.Dispense(ctx, sell)
		return err
	}), pharmacy.ErrInsufficientStock)
	shelf, err := env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(10), shelf[0].OnHand, "both happened, or neither")

	require.NoError(t, env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		if _, err := tx.Pharmacy.Dispense(ctx, sell); err != nil {
			return err
		}
		if _, err := tx.Pharmacy.Dispense(ctx, sell); !errors.Is(err, pharmacy.ErrInsufficientStock) {
			return err
		}
		return nil // the second one's failure is swallowed, and the first stands
	}))
	shelf, err = env.H.Pharmacy.ListShelf(env.Ctx, pharmacy.ListShelfInput{Item: stock.Item.ID})
	require.NoError(t, err)
	require.Equal(t, hmstype.Quantity(4), shelf[0].OnHand)
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	_, err := hms.New(nil, hms.Config{MaxAttempts: -1})
	require.ErrorIs(t, err, hms.ErrInvalid)
}

// Services that are not bound to the transaction would do what stays when it is undone.
func TestInTx_ServicesOutsideRefuseItsContext(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	input := patient.RegisterInput{Details: patient.Details{LastName: "Outside", Gender: patient.GenderUnknown}}
	var outer error
	err := env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		_, outer = env.H.Patient.Register(ctx, input)
		_, err := tx.Patient.Register(ctx, input)
		return err
	})
	require.NoError(t, err)
	require.ErrorIs(t, outer, hmstype.ErrOutsideTransaction)
	found, err := env.H.Patient.Search(env.Ctx, patient.SearchInput{Name: "Outside"})
	require.NoError(t, err)
	require.Len(t, found.Items, 1)
}

func TestNew_RefusesWhatCannotBe(t *testing.T) {
	t.Parallel()
	_, err := hms.New(nil, hms.Config{})
	require.ErrorIs(t, err, hms.ErrInvalid)
	env := hmstest.New(t)
	_, err = hms.New(env.DB, hms.Config{Observers: []hmstype.Observer{nil}})
	require.Equal(t, []hms.FieldError{{Path: "observers", Rule: "must hold no nil"}}, hms.Fields(err))
}

// A host asks for its own permissions as the library asks for its; each HMS knows those that it was made with.
func TestHMS_Require(t *testing.T) {
	t.Parallel()
	const read, write hms.Permission = "radiology.read", "radiology.write"
	env := hmstest.New(t, func(c *hms.Config) {
		c.Permissions = []hmstype.HostPermission{{Name: read, Description: "See images"}, {Name: write, Description: "Write"}}
	})
	role, err := env.H.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{
		Name: "Radiologist", RoleDetails: identity.RoleDetails{Permissions: []hms.Permission{read, write}},
	})
	require.NoError(t, err)
	user := env.User(t, role.Name)
	reader := hms.WithActor(t.Context(), hms.HumanActor(env.Tenant, user))
	key := hms.HumanActor(env.Tenant, user)
	key.Scopes = []hms.Permission{read}
	program := hms.WithActor(t.Context(), key)

	for _, ctx := range []context.Context{env.Ctx, reader, program} {
		require.NoError(t, env.H.Require(ctx, read))
	}
	require.NoError(t, env.H.InTx(reader, func(ctx context.Context, tx *hms.HMS) error { return tx.Require(ctx, write) }))
	require.ErrorIs(t, env.H.Require(t.Context(), read), hms.ErrUnauthenticated)
	require.ErrorIs(t, env.H.Require(program, write), hms.ErrPermissionDenied, "outside the key's scopes")
	nobody := env.As(t)
	require.ErrorIs(t, env.H.Require(nobody, read), hms.ErrPermissionDenied)
	allowed, err := env.H.Allows(nobody, read)
	require.NoError(t, err)
	require.False(t, allowed)
	allowed, err = env.H.Allows(reader, read)
	require.NoError(t, err)
	require.True(t, allowed)
	trail, err := env.H.Audit.ListEvents(env.Ctx, audit.ListEventsInput{Actions: []audit.Action{audit.ActionDenied}})
	require.NoError(t, err)
	require.Len(t, trail.Items, 2, "refusals are on the trail, answers are not")
	require.Equal(t, string(read), trail.Items[0].EntityID)
	require.Equal(t, "hms.require", trail.Items[0].Operation)

	require.ErrorIs(t, env.H.Require(reader, "radiology.erase"), hms.ErrInvalid)
	cafe := []hmstype.HostPermission{{Name: "cafe.sell", Description: "Sell"}}
	other, err := hms.New(env.DB, hms.Config{Permissions: cafe})
	require.NoError(t, err)
	require.ErrorIs(t, other.Require(reader, read), hms.ErrInvalid, "another HMS knows its own only")
	_, err = other.Allows(reader, read)
	require.ErrorIs(t, err, hms.ErrInvalid)
	require.ErrorIs(t, other.Require(reader, "cafe.sell"), hms.ErrPermissionDenied)

	_, err = hms.New(env.DB, hms.Config{Permissions: []hmstype.HostPermission{{Name: "patient.own", Description: "x"}}})
	require.Equal(t, "permissions[0].name", hms.Fields(err)[0].Path)
}

// closedTo refuses one permission, whatever the roles say.
type closedTo struct{ permission hms.Permission }

func (c closedTo) Authorize(_ context.Context, _ hms.Actor, p hms.Permission) error {
	if p == c.permission {
		return hmstype.Denied(string(p))
	}
	return nil
}

// A host's own Authorizer decides of accounts and roles as of everything else.
func TestConfig_AuthorizerDecidesOfIdentity(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t, func(c *hms.Config) { c.Authorizer = closedTo{hmstype.PermIdentityRead} })
	nobody := env.As(t)
	_, err := env.H.Identity.ListRoles(nobody)
	require.ErrorIs(t, err, hms.ErrPermissionDenied)
	require.NoError(t, env.H.Require(nobody, hmstype.PermPatientRead))
	_, err = env.H.Identity.CreateRole(nobody, identity.CreateRoleInput{Name: "Any"})
	require.NoError(t, err)
}
