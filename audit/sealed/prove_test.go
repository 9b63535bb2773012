package sealed_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/audit/proof"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

func TestService_ProveEvent(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	b.record(t, 600)
	b.seal(t)
	list, err := b.trail.ListEvents(b.Ctx, audit.ListEventsInput{Entity: "test"})
	require.NoError(t, err)
	for _, e := range list.Items[:10] {
		bundle, err := b.s.ProveEvent(b.Ctx, e.ID)
		require.NoError(t, err)
		wire, err := json.Marshal(bundle)
		require.NoError(t, err)
		var received proof.Bundle
		require.NoError(t, json.Unmarshal(wire, &received))
		checkpoint, err := sealed.VerifyProof(received, b.public)
		require.NoError(t, err)
		require.Equal(t, "hms.test/trail/"+b.Tenant.String(), checkpoint.Origin)
		require.Equal(t, e.ID.String(), received.Items[0].Event.ID)
		received.Items[0].Event.Actor = "human:somebody else"
		_, err = sealed.VerifyProof(received, b.public)
		require.ErrorIs(t, err, proof.ErrProof)
	}
	newest, err := b.trail.ListEvents(b.Ctx, audit.ListEventsInput{Actions: []audit.Action{audit.ActionExport}})
	require.NoError(t, err)
	require.Len(t, newest.Items, 10, "each proof that was handed out is on the trail")
	_, err = b.s.ProveEvent(b.Ctx, newest.Items[0].ID)
	require.ErrorIs(t, err, sealed.ErrNotSealed)
	other := newLog(t, dbtest.New(t))
	_, err = other.s.ProveEvent(other.Ctx, list.Items[0].ID)
	require.ErrorContains(t, err, "not found", "another tenant's")
}

func TestService_ProvePatient(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	who, other := hmstype.NewID[hmstype.PatientID](), hmstype.NewID[hmstype.PatientID]()
	for range 5 {
		require.NoError(t, b.InTx(t, b.Ctx, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "patient", Patient: who},
				dbx.Access{Action: "read", Entity: "patient", Patient: other})
		}))
	}
	b.seal(t)
	var proved int
	in := sealed.ProvePatientInput{Patient: who, Limit: 2}
	for {
		out, err := b.s.ProvePatient(b.Ctx, in)
		require.NoError(t, err)
		_, err = sealed.VerifyProof(out.Bundle, b.public)
		require.NoError(t, err)
		for _, item := range out.Bundle.Items {
			require.Equal(t, who.String(), item.Event.Patient, "nobody else's")
			proved++
		}
		if out.Next == 0 {
			break
		}
		in.After = out.Next
	}
	require.Equal(t, 5, proved)
	exports, err := b.trail.ListEvents(b.Ctx,
		audit.ListEventsInput{Patient: who, Actions: []audit.Action{audit.ActionExport}})
	require.NoError(t, err)
	require.Len(t, exports.Items, 3, "each bundle that was handed out is on the trail of the patient")
}

// What the actor proved himself by is under the leaf's hash as well.
func TestService_ProveEventOfACredential(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	p := somePatient(t, b.Env)
	program := hmstype.Actor{
		Tenant: b.Tenant, User: b.User(t, identity.RoleAdmin).ID, Kind: hmstype.ActorService,
		APIKey: hmstype.NewID[hmstype.APIKeyID](),
	}
	_, err := patient.New(b.Base, patient.Ports{}).Get(hmstype.WithActor(t.Context(), program), p)
	require.NoError(t, err)
	list, err := b.trail.ListEvents(b.Ctx, audit.ListEventsInput{APIKey: program.APIKey})
	require.NoError(t, err)
	require.Len(t, list.Items, 1)

	b.seal(t)
	require.Empty(t, b.verify(t).Findings)
	bundle, err := b.s.ProveEvent(b.Ctx, list.Items[0].ID)
	require.NoError(t, err)
	_, err = sealed.VerifyProof(bundle, b.public)
	require.NoError(t, err)
	bundle.Items[0].Event.Credential = ""
	_, err = sealed.VerifyProof(bundle, b.public)
	require.Error(t, err, "the leaf covers the credential")
}

func somePatient(t *testing.T, env *dbtest.Env) hmstype.PatientID {
	t.Helper()
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Held", Gender: patient.GenderOther}, OverrideReason: "a test",
	})
	require.NoError(t, err)
	return p.ID
}

func disclosing(p hmstype.PatientID) audit.RecordDisclosureInput {
	return audit.RecordDisclosureInput{
		Patient: p,
		DisclosureDetails: audit.DisclosureDetails{
			DisclosedAt: dbtest.Start.Add(-time.Hour), Recipient: audit.Recipient{Name: "County Health Office"},
			Description: "Tuberculosis test, positive", Purpose: "Mandatory notification", Basis: audit.BasisPublicHealth,
		},
	}
}

// policing is a disclosure that an agency wants to be kept from the patient.
func policing(p hmstype.PatientID) audit.RecordDisclosureInput {
	in := disclosing(p)
	in.Basis, in.Suspension = audit.BasisLawEnforcement, audit.Suspension{
		Until: dbtest.Start.Add(10 * 24 * time.Hour), At: dbtest.Start.Add(-30 * time.Minute),
		Agency: "State Police", Statement: "Would impede an inquiry",
	}
	return in
}

func TestService_ProveDisclosures(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	p, other := somePatient(t, b.Env), somePatient(t, b.Env)
	shown, err := b.trail.RecordDisclosure(b.Ctx, disclosing(p))
	require.NoError(t, err)
	hidden, err := b.trail.RecordDisclosure(b.Ctx, policing(p))
	require.NoError(t, err)
	_, err = b.trail.RecordDisclosure(b.Ctx, disclosing(other))
	require.NoError(t, err)
	b.seal(t)

	proved := func(in sealed.ProveDisclosuresInput) []string {
		out, err := b.s.ProveDisclosures(b.Ctx, in)
		require.NoError(t, err)
		_, err = sealed.VerifyProof(out.Bundle, b.public)
		require.NoError(t, err)
		var ids []string
		for _, item := range out.Bundle.Items {
			require.Equal(t, "disclosure", item.Event.Entity)
			ids = append(ids, item.Event.EntityID)
		}
		if out.Next != 0 {
			require.Len(t, ids, in.Limit)
		}
		return ids
	}
	require.Equal(t, []string{shown.ID.String()}, proved(sealed.ProveDisclosuresInput{Patient: p}))
	require.Equal(t, []string{shown.ID.String(), hidden.ID.String()},
		proved(sealed.ProveDisclosuresInput{Patient: p, ForStaff: true}))
	require.Equal(t, []string{shown.ID.String()},
		proved(sealed.ProveDisclosuresInput{Patient: p, ForStaff: true, Limit: 1}))

	out, err := b.s.ProveDisclosures(b.Ctx, sealed.ProveDisclosuresInput{Patient: p})
	require.NoError(t, err)
	out.Bundle.Items[0].Event.EntityID = hidden.ID.String()
	_, err = sealed.VerifyProof(out.Bundle, b.public)
	require.Error(t, err)
}

// A proof is whole or it is none, so that of a restricted patient's events is refused.
func TestService_ProofsOfRestrictedAreRefused(t *testing.T) {
	t.Parallel()
	b := newLog(t, dbtest.New(t))
	vip, err := patient.New(b.Base, patient.Ports{}).Register(b.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderOther}, Restricted: true,
	})
	require.NoError(t, err)
	_, err = b.trail.RecordDisclosure(b.Ctx, disclosing(vip.ID))
	require.NoError(t, err)
	_, err = b.Identity.CreateRole(b.Ctx, identity.CreateRoleInput{
		Name:        "Reader of the trail",
		RoleDetails: identity.RoleDetails{Permissions: []hmstype.Permission{hmstype.PermAuditRead}},
	})
	require.NoError(t, err)
	_, err = b.s.ProveDisclosures(b.As(t, "Reader of the trail"), sealed.ProveDisclosuresInput{Patient: vip.ID})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}
