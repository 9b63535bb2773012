package fault_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// A refusal that would tell whose record there is goes with an event on that one's trail, or is not told: here the
// host's own transaction holds the pool's only connection, and the event can have none.
func TestRegistration_WhatCannotBeRecordedIsNotTold(t *testing.T) {
	t.Parallel()
	env := hmstest.NewOwn(t)
	number := []patient.Identifier{{System: "urn:ssn", Value: "999-11-2222"}}
	known, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Known", Gender: patient.GenderUnknown}, Restricted: true, Identifiers: number,
	})
	require.NoError(t, err)
	again := patient.RegisterInput{
		Details: patient.Details{LastName: "Anybody", Gender: patient.GenderUnknown}, Identifiers: number,
	}

	_, err = env.H.Patient.Register(env.Ctx, again)
	require.ErrorIs(t, err, patient.ErrIdentifierTaken, "with a connection to record it by")

	env.DB.SetMaxOpenConns(1)
	tx, err := env.DB.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = env.H.WithTx(tx).Patient.Register(env.Ctx, again)
	require.ErrorIs(t, err, hmstype.ErrUnavailable)
	require.NotErrorIs(t, err, patient.ErrIdentifierTaken)
	require.NoError(t, tx.Rollback())

	before := reads(t, env, known.ID, "matched")
	err = env.H.InTx(env.Ctx, func(ctx context.Context, tx *hms.HMS) error {
		_, err := tx.Patient.Register(ctx, again)
		return err
	})
	require.ErrorIs(t, err, patient.ErrIdentifierTaken, "a transaction of ours records it after its end")
	require.Equal(t, before+1, reads(t, env, known.ID, "matched"))
}
