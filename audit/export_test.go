package audit_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/internal/dbx"
	"github.com/chelal/hms/patient"
)

// look reads a patient's record n times.
func look(
	t *testing.T, env *dbtest.Env, ctx context.Context, p hmstype.PatientID, n int,
) {
	t.Helper()
	for i := range n {
		require.NoError(t, env.InTx(t, ctx, func(ctx context.Context, db dbx.DB) error {
			return db.RecordAccess(ctx, dbx.Access{Action: "read", Entity: "note", ID: fmt.Sprint(i), Patient: p})
		}))
	}
}

func exports(t *testing.T, env *dbtest.Env) map[string]int {
	t.Helper()
	var rows []struct {
		Patient string
		N       int
	}
	require.NoError(t, env.DB.NewRaw(`SELECT coalesce(patient_id::text, '') AS patient, count(*) AS n FROM hms.audit_event
		WHERE tenant_id = ? AND action = 'export' GROUP BY 1`, env.Tenant).Scan(t.Context(), &rows))
	counts := map[string]int{}
	for _, r := range rows {
		counts[r.Patient] = r.N
	}
	return counts
}

func TestService_ExportEvents(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	// One connection only: whatever the stream held would keep the consumer from working.
	single, err := dbx.Open(env.DSN)
	require.NoError(t, err)
	defer func() { require.NoError(t, single.Close()) }()
	single.SetMaxOpenConns(1)
	base := env.Base
	base.DB = dbx.NewHandle(single, dbx.Options{Now: env.Clock.Now})
	s := audit.New(base)
	first, second := register(t, env, "One", false), register(t, env, "Two", false)
	look(t, env, env.Ctx, first, 5)
	look(t, env, env.Ctx, second, 4)
	query := audit.ListEventsInput{Entity: "note", Page: hmstype.Page{Limit: 3}}
	seen := map[hmstype.AuditEventID]bool{}
	var last audit.Event
	for e, err := range s.ExportEvents(env.Ctx, audit.ExportEventsInput(query)) {
		require.NoError(t, err)
		require.False(t, seen[e.ID], "none twice")
		require.True(t, len(seen) == 0 || !e.RecordedAt.After(last.RecordedAt), "newest first")
		seen[e.ID], last = true, e
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err = single.ExecContext(ctx, `SELECT 1`)
		cancel()
		require.NoError(t, err, "nothing is held while the consumer works")
	}
	require.Len(t, seen, 9)
	require.Equal(t, map[string]int{"": 1, first.String(): 2, second.String(): 2}, exports(t, env),
		"once as such, and each patient with each page that shows him")

	t.Run("Breaks", func(t *testing.T) {
		for range s.ExportEvents(env.Ctx, audit.ExportEventsInput(query)) {
			break
		}
		require.Equal(t, 3, exports(t, env)[second.String()], "one page more, and no other")
		require.Equal(t, 2, exports(t, env)[first.String()])
	})
	t.Run("OfAPatient", func(t *testing.T) {
		query := query
		query.Patient = first
		n := 0
		for _, err := range s.ExportEvents(env.Ctx, audit.ExportEventsInput(query)) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, 5, n)
		require.Equal(t, 4, exports(t, env)[first.String()], "with each page, as everybody")
	})
	t.Run("CanBeReadAgain", func(t *testing.T) {
		before := exports(t, env)[""]
		stream := s.ExportEvents(env.Ctx, audit.ExportEventsInput(query))
		for range 2 {
			n := 0
			for _, err := range stream {
				require.NoError(t, err)
				n++
			}
			require.Equal(t, 9, n)
		}
		require.Equal(t, before+2, exports(t, env)[""], "each reading is an export")
	})
	t.Run("EndsWithItsError", func(t *testing.T) {
		ctx, cancel := context.WithCancel(env.Ctx)
		defer cancel()
		n, failures := 0, 0
		for _, err := range s.ExportEvents(ctx, audit.ExportEventsInput(query)) {
			if err != nil {
				failures++
				continue
			}
			if n++; n == 2 {
				cancel()
			}
		}
		require.Equal(t, 3, n, "what was read already is handed out")
		require.Equal(t, 1, failures)
	})
}

func TestService_ExportRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	vip := register(t, env, "Known", true)
	refused := func(ctx context.Context, query audit.ListEventsInput, want error) {
		n := 0
		for _, err := range s.ExportEvents(ctx, audit.ExportEventsInput(query)) {
			require.ErrorIs(t, err, want)
			n++
		}
		require.Equal(t, 1, n)
	}
	refused(env.As(t, identity.RoleNurse), audit.ListEventsInput{}, hmstype.ErrPermissionDenied)
	refused(t.Context(), audit.ListEventsInput{}, hmstype.ErrUnauthenticated)
	refused(env.Ctx, audit.ListEventsInput{EntityID: "x"}, hmstype.ErrInvalid)
	refused(auditor(t, env), audit.ListEventsInput{Patient: vip}, patient.ErrRestricted)
	require.Empty(t, exports(t, env), "nothing was shown")
}
