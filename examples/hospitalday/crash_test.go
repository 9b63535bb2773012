package main

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// The server is killed twice during the day. What was acknowledged is there afterwards,
// what was not is wholly there or wholly absent, and every proof holds.
func TestDay_SurvivesConcurrentKills(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{Durable: true})
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop(context.Background())) }()
	db, err := hms.OpenDB(dbtest.Named(t, server.DSN("")))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	h, err := hms.New(db, hms.Config{})
	require.NoError(t, err)
	require.NoError(t, h.Migrate(t.Context()))
	o := options{count: 80, workers: 6, seed: 7}
	d, err := openHospital(t.Context(), h, o)
	require.NoError(t, err)

	var mu sync.Mutex
	var known []any
	d.acknowledged = func(result any) {
		mu.Lock()
		defer mu.Unlock()
		known = append(known, result)
	}
	so := func() int {
		mu.Lock()
		defer mu.Unlock()
		return len(known)
	}
	done := make(chan error, 1)
	go func() { done <- d.work(t.Context(), o) }()
	for range 2 {
		goal := so() + 150
		require.Eventually(t, func() bool { return so() >= goal || len(done) > 0 }, 60*time.Second, 2*time.Millisecond)
		switch err := server.Kill(); {
		case errors.Is(err, pgserver.ErrNotLocal): // not ours to kill: it loses the test's connections
			_, err = dbtest.EndSessions(t.Context(), db, "true")
			require.NoError(t, err)
		default:
			require.NoError(t, err)
			require.NoError(t, server.Restart(t.Context()))
		}
	}
	require.NoError(t, <-done)
	require.Positive(t, d.tally.unavailable(), "the kills were felt")

	proved, err := d.prove(t.Context())
	require.NoError(t, err)
	require.True(t, proved)
	checked := 0
	for _, result := range known {
		switch r := result.(type) {
		case patient.Patient:
			_, err = h.Patient.Get(d.system, r.ID)
		case pharmacy.Dispense:
			_, err = h.Pharmacy.GetDispense(d.system, r.ID)
		case billing.Bill:
			_, err = h.Billing.GetBill(d.system, r.ID)
		default:
			continue
		}
		require.NoError(t, err, "%T was acknowledged", result)
		checked++
	}
	require.Greater(t, checked, 50)
}

// unavailable counts the commands that met a database that could not serve.
func (t *tally) unavailable() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := 0
	for reason, count := range t.refused {
		if len(reason) >= 11 && reason[len(reason)-11:] == "unavailable" {
			n += count
		}
	}
	return n
}
