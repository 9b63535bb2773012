package schema_test

import (
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms/audit"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/encryption"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/pharmacy"
)

// liveOn calls again what writes more, or other columns, where it is not called for the first time; the day calls
// each once.
func liveOn(t *testing.T, env *hmstest.Env) {
	t.Helper()
	env.Neighbour(t)
	for left := int64(1); left > 0; { // under the new epoch's keys, which the night began
		step, err := env.H.Encryption.Reencrypt(env.Ctx, encryption.ReencryptInput{Limit: 500})
		require.NoError(t, err)
		left = step.Outdated
	}
	for _, months := range []int{120, 130} {
		_, err := env.H.Audit.SetRetentionPolicy(env.Ctx, audit.SetRetentionPolicyInput{
			RetentionPolicyDetails: audit.RetentionPolicyDetails{
				Category: audit.CategoryAccess, Jurisdiction: "FR", KeepMonths: months, Basis: "a rule",
			},
		})
		require.NoError(t, err)
	}
	stock := env.Stock(t, 1, "")
	_, err := env.H.Pharmacy.ReceiveBatch(env.Ctx, pharmacy.ReceiveBatchInput{
		BatchDetails: stock.Batch.BatchDetails, Location: stock.Location, Quantity: 1,
		CostPrice: stock.Batch.CostPrice, SellingPrice: stock.Batch.SellingPrice,
	})
	require.NoError(t, err)
	takeBack(t, env)
	comeBack(t, env)
}

// takeBack withdraws what a draft of a bill charges already.
func takeBack(t *testing.T, env *hmstest.Env) {
	t.Helper()
	env.Service(t, "TAKEN-BACK", "10")
	visit := env.Encounter(t, env.Patient(t).ID, clinical.ClassAmbulatory)
	visit, err := env.H.Clinical.FinishEncounter(env.Ctx, clinical.FinishEncounterInput{
		ID: visit.ID, Service: "TAKEN-BACK", EncounterOutcome: clinical.EncounterOutcome{Disposition: "home"},
	})
	require.NoError(t, err)
	_, err = env.H.Billing.CreateBill(env.Ctx, billing.CreateBillInput{Patient: visit.Patient})
	require.NoError(t, err)
	_, err = env.H.Clinical.EnterEncounterInError(env.Ctx, clinical.EnterEncounterInErrorInput{
		ID: visit.ID, Reason: "a mistake",
	})
	require.NoError(t, err)
}

// comeBack lets somebody log in again: from the same device, by a recovery code, after a while.
func comeBack(t *testing.T, env *hmstest.Env) {
	t.Helper()
	s := env.H.Identity
	id := env.User(t, identity.RoleNurse)
	user, err := s.SetUserRoles(env.Ctx, identity.SetUserRolesInput{ID: id, Roles: []string{identity.RoleDoctor}})
	require.NoError(t, err)
	reset, err := s.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: user.Username})
	require.NoError(t, err)
	in := identity.LoginInput{Login: user.Username, Password: "correct horse battery staple"}
	_, err = s.ResetPassword(env.Ctx, identity.ResetPasswordInput{Token: reset.Token, Password: in.Password})
	require.NoError(t, err)
	login, err := s.Login(env.Ctx, in)
	require.NoError(t, err)
	actor, err := s.Authenticate(t.Context(), login.Token)
	require.NoError(t, err)
	me := hmstype.WithActor(t.Context(), actor)
	enrolment, err := s.BeginTOTP(me)
	require.NoError(t, err)
	env.Advance(time.Minute)
	code, err := totp.GenerateCode(enrolment.Secret.Reveal(), env.Now())
	require.NoError(t, err)
	codes, err := s.ConfirmTOTP(me, hmstype.Secret(code))
	require.NoError(t, err)
	in.Code, in.Device = codes[0], login.Device
	_, err = s.Login(env.Ctx, in)
	require.NoError(t, err)
	env.Advance(5 * time.Minute)
	_, err = s.Authenticate(t.Context(), login.Token)
	require.NoError(t, err)
}
