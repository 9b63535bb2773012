package audit_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/internal/dbtest"
	"github.com/chelal/hms/patient"
)

func TestService_SetRetentionPolicy(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	in := audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{
		Category: audit.CategoryAccess, Jurisdiction: "FR", KeepMonths: 36, Basis: "CNIL 2021-122",
	}}
	first, err := s.SetRetentionPolicy(env.Ctx, in)
	require.NoError(t, err)
	env.Clock.Advance(time.Hour)
	in.KeepMonths = 24
	second, err := s.SetRetentionPolicy(env.Ctx, in)
	require.NoError(t, err)
	require.Equal(t, first.ID, second.ID, "one policy for each category and jurisdiction")
	require.Equal(t, int64(2), second.Version)
	list, err := s.ListRetentionPolicies(env.Ctx)
	require.NoError(t, err)
	require.Equal(t, []audit.RetentionPolicy{second}, list)
	trail, err := s.ListEvents(env.Ctx, audit.ListEventsInput{Entity: "retention_policy", EntityID: first.ID.String()})
	require.NoError(t, err)
	require.Len(t, trail.Items, 2, "what it said before stays on the trail")

	other := dbtest.New(t)
	list, err = audit.New(other.Base).ListRetentionPolicies(other.Ctx)
	require.NoError(t, err)
	require.Empty(t, list)
	_, err = s.SetRetentionPolicy(env.As(t, identity.RoleDoctor), in)
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)
}

func TestSetRetentionPolicyInput_Validate(t *testing.T) {
	t.Parallel()
	good := audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{
		Category: audit.CategoryAccess, Jurisdiction: "DE", KeepMonths: 12, Basis: "law",
	}}
	for name, tt := range map[string]struct {
		change func(*audit.SetRetentionPolicyInput)
		path   string // of the broken rule; empty where it is good
	}{
		"Least":   {func(*audit.SetRetentionPolicyInput) {}, ""},
		"Below":   {func(in *audit.SetRetentionPolicyInput) { in.KeepMonths = 11 }, "keepMonths"},
		"Most":    {func(in *audit.SetRetentionPolicyInput) { in.KeepMonths = 1200 }, ""},
		"Above":   {func(in *audit.SetRetentionPolicyInput) { in.KeepMonths = 1201 }, "keepMonths"},
		"USLeast": {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction, in.KeepMonths = "US-NY", 72 }, ""},
		"USBelow": {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction, in.KeepMonths = "US", 71 },
			"keepMonths"},
		"USStateBelow": {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction, in.KeepMonths = "US-NY", 71 },
			"keepMonths"},
		"Part":             {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "GB-SCT" }, ""},
		"NoCountry":        {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "UK" }, "jurisdiction"},
		"Continent":        {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "150" }, "jurisdiction"},
		"Lower":            {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "de" }, "jurisdiction"},
		"PartTooLong":      {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "DE-ABCD" }, "jurisdiction"},
		"PartEmpty":        {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "DE-" }, "jurisdiction"},
		"NoJurisdiction":   {func(in *audit.SetRetentionPolicyInput) { in.Jurisdiction = "" }, "jurisdiction"},
		"NoCategory":       {func(in *audit.SetRetentionPolicyInput) { in.Category = "" }, "category"},
		"AnotherCategory":  {func(in *audit.SetRetentionPolicyInput) { in.Category = "money" }, "category"},
		"NoBasis":          {func(in *audit.SetRetentionPolicyInput) { in.Basis = " " }, "basis"},
		"BasisIsAnEpistle": {func(in *audit.SetRetentionPolicyInput) { in.Basis = strings.Repeat("x", 501) }, "basis"},
	} {
		in := good
		tt.change(&in)
		fields := hmstype.Fields(in.Validate())
		if tt.path == "" {
			require.Empty(t, fields, name)
			continue
		}
		require.Len(t, fields, 1, name)
		require.Equal(t, tt.path, fields[0].Path, name)
	}
}

// The database holds by itself.
func TestRetentionPolicy_DatabaseRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	for constraint, values := range map[string]string{
		"retention_policy_keep_check":         `'access', 'DE', 11, 'law'`,
		"retention_policy_floor_check":        `'access', 'US-NY', 71, 'law'`,
		"retention_policy_category_check":     `'money', 'DE', 72, 'law'`,
		"retention_policy_jurisdiction_check": `'access', 'de', 72, 'law'`,
		"retention_policy_basis_check":        `'access', 'DE', 72, ''`,
	} {
		_, err := env.DB.NewRaw(`INSERT INTO hms.retention_policy (tenant_id, id, category, jurisdiction, keep_months, basis,
			created_at, updated_at, created_by)
			SELECT ?, gen_random_uuid(), `+values+`, now(), now(), 'system:test'`, env.Tenant).Exec(t.Context())
		require.ErrorContains(t, err, constraint)
	}
}

func TestService_SetRetentionPolicy_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	const writers = 16
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			_, err := s.SetRetentionPolicy(env.Ctx,
				audit.SetRetentionPolicyInput{RetentionPolicyDetails: audit.RetentionPolicyDetails{
					Category: audit.CategoryChange, Jurisdiction: "DE", KeepMonths: 100 + i, Basis: "law",
				}})
			if err != nil {
				t.Errorf("set: %v", err)
			}
		})
	}
	wg.Wait()
	list, err := s.ListRetentionPolicies(env.Ctx)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, int64(writers), list[0].Version, "none was lost")
}

// The two of them give every event the same category.
func TestCategoryOf(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	seen := map[audit.Category]bool{}
	for _, action := range []audit.Action{
		audit.ActionCreate, audit.ActionUpdate, audit.ActionDelete, audit.ActionRead, audit.ActionSearch, audit.ActionExport,
		audit.ActionVerify, audit.ActionMatched,
		audit.ActionDenied, audit.ActionPurge, audit.ActionLogin, audit.ActionLogout, audit.ActionLoginFailed,
		"duplicate_override",
	} {
		for _, entity := range []string{"patient", "disclosure", "break_glass", "legal_hold", "retention_policy", "role",
			"user_account", "user_role", "audit_event"} {
			want := dbtest.Scalar[string](t, env, `SELECT hms.audit_category(?, ?)`, string(action), entity)
			require.Equal(t, audit.Category(want), audit.CategoryOf(action, entity), "%s %s", action, entity)
			seen[audit.Category(want)] = true
		}
	}
	require.Len(t, seen, len(audit.Categories()))
	require.Equal(t, audit.CategoryDisclosure, audit.CategoryOf(audit.ActionExport, "user_account"),
		"what left the system is a disclosure first")
	require.Equal(t, audit.CategoryAccess, audit.CategoryOf(audit.ActionSearch, "patient"))
	require.Equal(t, audit.CategorySecurity, audit.CategoryOf(audit.ActionCreate, "user_role"))
	require.Equal(t, audit.CategoryChange, audit.CategoryOf(audit.ActionUpdate, "bill"))
}

func somePatient(t *testing.T, env *dbtest.Env) hmstype.PatientID {
	t.Helper()
	p, err := patient.New(env.Base, patient.Ports{}).Register(env.Ctx,
		patient.RegisterInput{Details: patient.Details{LastName: "Held", Gender: patient.GenderOther}})
	require.NoError(t, err)
	return p.ID
}

func held(t *testing.T, env *dbtest.Env, p hmstype.PatientID) bool {
	t.Helper()
	return dbtest.Scalar[bool](t, env, `SELECT hms.is_held(?, ?)`, env.Tenant, p)
}

func TestService_PlaceLegalHold(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	first, second := somePatient(t, env), somePatient(t, env)
	require.False(t, held(t, env, first))
	hold, err := s.PlaceLegalHold(env.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: first, Reason: "case 12/2026"}})
	require.NoError(t, err)
	require.True(t, hold.InForce())
	require.Equal(t, "system:test", hold.PlacedBy.String())
	require.True(t, held(t, env, first))
	require.False(t, held(t, env, second))
	all, err := s.PlaceLegalHold(env.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "inquiry of the ministry"}})
	require.NoError(t, err)
	require.True(t, held(t, env, second), "everything of the tenant")
	require.False(t, held(t, dbtest.New(t), second), "another tenant's hold holds nothing here")

	_, err = s.PlaceLegalHold(env.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Patient: hmstype.NewID[hmstype.PatientID](),
			Reason: "nobody"}})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = s.PlaceLegalHold(env.Ctx, audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "  "}})
	require.ErrorIs(t, err, hmstype.ErrInvalid)
	_, err = s.PlaceLegalHold(env.As(t, identity.RoleDoctor),
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "inquiry"}})
	require.ErrorIs(t, err, hmstype.ErrPermissionDenied)

	env.Clock.Advance(time.Hour)
	released, err := s.ReleaseLegalHold(env.Ctx, audit.ReleaseLegalHoldInput{ID: all.ID, Reason: "inquiry closed"})
	require.NoError(t, err)
	require.False(t, released.InForce())
	require.Equal(t, env.Clock.Now(), released.ReleasedAt)
	require.False(t, held(t, env, second))
	_, err = s.ReleaseLegalHold(env.Ctx, audit.ReleaseLegalHoldInput{ID: all.ID, Reason: "once more"})
	require.ErrorIs(t, err, audit.ErrReleased)

	list, err := s.ListLegalHolds(env.Ctx, audit.ListLegalHoldsInput{InForce: true})
	require.NoError(t, err)
	require.Equal(t, []audit.LegalHold{hold}, list.Items)
	list, err = s.ListLegalHolds(env.Ctx, audit.ListLegalHoldsInput{})
	require.NoError(t, err)
	require.Len(t, list.Items, 2)
	shown, err := s.ListEvents(env.Ctx,
		audit.ListEventsInput{Patient: first, Entity: "legal_hold", Actions: []audit.Action{audit.ActionSearch}})
	require.NoError(t, err)
	require.Len(t, shown.Items, 2, "a list of holds shows the patient's data")
}

// Whatever the application could be made to say, a hold is released once and otherwise stays.
func TestLegalHold_DatabaseRefuses(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	hold, err := s.PlaceLegalHold(env.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "case 12/2026"}})
	require.NoError(t, err)
	refuse := func(statement, want string) {
		_, err := env.DB.NewRaw(statement, hold.ID).Exec(t.Context())
		require.ErrorContains(t, err, want, statement)
	}
	refuse(`DELETE FROM hms.legal_hold WHERE id = ?`, "HM002")
	refuse(`UPDATE hms.legal_hold SET reason = 'nothing' WHERE id = ?`, "HM002")
	refuse(`UPDATE hms.legal_hold SET created_at = now() - interval '1 year' WHERE id = ?`, "HM002")
	refuse(`UPDATE hms.legal_hold SET released_at = '2100-01-01' WHERE id = ?`, "legal_hold_release_check")
	refuse(`UPDATE hms.legal_hold SET released_at = created_at - interval '1 day', released_by = 'x', release_reason = 'y'
		WHERE id = ?`, "legal_hold_released_check")
	_, err = s.ReleaseLegalHold(env.Ctx, audit.ReleaseLegalHoldInput{ID: hold.ID, Reason: "closed"})
	require.NoError(t, err)
	refuse(`UPDATE hms.legal_hold SET released_at = NULL, released_by = '', release_reason = '' WHERE id = ?`, "HM002")
}

func TestService_ReleaseLegalHold_Concurrent(t *testing.T) {
	t.Parallel()
	env := dbtest.New(t)
	s := audit.New(env.Base)
	hold, err := s.PlaceLegalHold(env.Ctx,
		audit.PlaceLegalHoldInput{LegalHoldDetails: audit.LegalHoldDetails{Reason: "case 12/2026"}})
	require.NoError(t, err)
	errs := make([]error, 8)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.ReleaseLegalHold(env.Ctx, audit.ReleaseLegalHoldInput{ID: hold.ID, Reason: "closed"})
		})
	}
	wg.Wait()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, audit.ErrReleased)
	}
	require.Equal(t, 1, won)
}
