package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/chelal/hms"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// A hospital makes a role of its own, of what the catalogue of permissions holds.
func ExampleService_CreateRole() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		role, err := env.H.Identity.CreateRole(env.Ctx, identity.CreateRoleInput{
			Name: "Housekeeper", RoleDetails: identity.RoleDetails{
				Description: "cleans beds, sees no patient",
				Permissions: []hmstype.Permission{hmstype.PermFacilityRead, hmstype.PermHousekeeping},
			},
		})
		if err != nil {
			return err
		}
		housekeeper := env.As(tb, role.Name)
		_, err = env.H.Patient.Search(housekeeper, patient.SearchInput{Name: "Lovelace"})
		fmt.Println(role.Permissions, "patients:", hms.KindOf(err))
		return nil
	})
	// Output: [facility.read facility.clean] patients: permission_denied
}

// A nurse becomes a doctor: from the next call on, she may do what doctors may.
func ExampleService_SetUserRoles() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		id := env.User(tb, identity.RoleNurse)
		user, err := env.H.Identity.SetUserRoles(env.Ctx, identity.SetUserRolesInput{
			ID: id, Roles: []string{identity.RoleNurse, identity.RoleDoctor},
		})
		if err != nil {
			return err
		}
		err = env.H.Identity.Authorize(env.Ctx, hms.HumanActor(env.Tenant, id), hmstype.PermPrescribe)
		fmt.Println(user.Roles, "may prescribe:", err == nil)
		return nil
	})
	// Output: [Doctor Nurse] may prescribe: true
}

// invited makes an account whose person has accepted the invitation and chosen a password.
func invited(env *hmstest.Env, username string, password hmstype.Secret, role string) (identity.User, error) {
	user, err := env.H.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: username, FirstName: "Grace", LastName: "Hopper"}, Roles: []string{role},
		Invite: true,
	})
	if err != nil {
		return identity.User{}, err
	}
	invitation, err := env.H.Identity.Invite(env.Ctx, user.ID) // the host writes an e-mail with the token
	if err != nil {
		return identity.User{}, err
	}
	return env.H.Identity.AcceptInvitation(env.Ctx, identity.AcceptInvitationInput{
		Token: invitation.Token, Password: password,
	})
}

// Whoever logs in gets a token, by which each later request is known; it ends with the shift.
func ExampleService_Login() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		if _, err := invited(env, "grace", "seven green lanterns", identity.RoleNurse); err != nil {
			return err
		}
		_, err := env.H.Identity.Login(env.Ctx, identity.LoginInput{Login: "grace", Password: "a guess"})
		fmt.Println("a guess:", err)

		login, err := env.H.Identity.Login(env.Ctx, identity.LoginInput{Login: "grace", Password: "seven green lanterns"})
		if err != nil {
			return err
		}
		actor, err := env.H.Identity.Authenticate(env.Ctx, login.Token) // in the middleware: hms.WithActor(ctx, actor)
		if err != nil {
			return err
		}
		fmt.Println(login.User.Username, "is in; the same person:", actor.User == login.User.ID, "token:", login.Token)

		env.Advance(13 * time.Hour)
		_, err = env.H.Identity.Authenticate(env.Ctx, login.Token)
		fmt.Println("tomorrow:", errors.Is(err, identity.ErrSessionEnded))
		return nil
	})
	// Output:
	// a guess: identity.login: unauthenticated: login failed
	// grace is in; the same person: true token: [secret]
	// tomorrow: true
}

// A restore of the database brings back sessions that had been ended, so everybody signs in anew.
func ExampleService_EndAllSessions() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		if _, err := invited(env, "grace", "seven green lanterns", identity.RoleNurse); err != nil {
			return err
		}
		login, err := env.H.Identity.Login(env.Ctx, identity.LoginInput{Login: "grace", Password: "seven green lanterns"})
		if err != nil {
			return err
		}
		ended, err := env.H.Identity.EndAllSessions(env.Ctx, identity.EndAllSessionsInput{APIKeys: true})
		if err != nil {
			return err
		}
		_, err = env.H.Identity.Authenticate(env.Ctx, login.Token)
		fmt.Println(ended.Sessions, "session:", errors.Is(err, identity.ErrSessionEnded))
		return nil
	})
	// Output:
	// 1 session: true
}

// In an emergency a doctor opens one restricted record for an hour. Another person reviews it.
func ExampleService_BreakTheGlass() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		vip, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{
			Details: patient.Details{LastName: "Windsor", Gender: patient.GenderFemale}, Restricted: true,
		})
		if err != nil {
			return err
		}
		actor := hms.HumanActor(env.Tenant, env.User(tb, identity.RoleDoctor))
		actor.AuthenticatedAt = env.Now() // the host asked for the password again
		doctor := hms.WithActor(env.Ctx, actor)
		_, err = env.H.Patient.Get(doctor, vip.ID)
		fmt.Println("before:", hms.KindOf(err))

		grant, err := env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
			Patient: vip.ID, BreakGlassDetails: identity.BreakGlassDetails{
				Reason: identity.ReasonEmergency, Text: "unconscious in the emergency room",
			},
		})
		if err != nil {
			return err
		}
		seen, err := env.H.Patient.Get(doctor, vip.ID)
		if err != nil {
			return err
		}
		fmt.Println("until", grant.ExpiresAt.Format(time.TimeOnly), "the record is open:", seen.LastName)
		return nil
	})
	// Output:
	// before: permission_denied
	// until 10:00:00 the record is open: Windsor
}

// Whoever broke the glass is reviewed by somebody else.
func ExampleService_ReviewBreakGlass() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		actor := hms.HumanActor(env.Tenant, env.User(tb, identity.RoleDoctor))
		actor.AuthenticatedAt = env.Now()
		doctor := hms.WithActor(env.Ctx, actor)
		grant, err := env.H.Identity.BreakTheGlass(doctor, identity.BreakTheGlassInput{
			Patient: env.Patient(tb).ID, BreakGlassDetails: identity.BreakGlassDetails{
				Reason: identity.ReasonDirectCare, Text: "the night's only doctor on the ward",
			},
		})
		if err != nil {
			return err
		}
		grant, err = env.H.Identity.ReviewBreakGlass(env.As(tb, identity.RoleAdmin), identity.ReviewBreakGlassInput{
			ID:               grant.ID,
			BreakGlassReview: identity.BreakGlassReview{Outcome: identity.OutcomeJustified, ReviewText: "on the duty roster"},
		})
		if err != nil {
			return err
		}
		fmt.Println(grant.Status, grant.Outcome, "by another person:", !grant.ReviewedBy.SamePerson(actor.Ref()))
		return nil
	})
	// Output: reviewed justified by another person: true
}

// An analyser's program proves itself by a key, which allows it less than its user may.
func ExampleService_CreateAPIKey() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		made, err := env.H.Identity.CreateAPIKey(env.Ctx, identity.CreateAPIKeyInput{
			APIKeyDetails: identity.APIKeyDetails{
				User: env.User(tb, identity.RoleLabTechnician), Name: "analyser 3",
				Scopes: []hmstype.Permission{hmstype.PermLabEnter},
			},
			Expiry: 90 * 24 * time.Hour,
		})
		if err != nil {
			return err
		}
		actor, err := env.H.Identity.Authenticate(env.Ctx, made.Token) // shown once; only its hash is kept
		if err != nil {
			return err
		}
		fmt.Println(made.Key.Name, "may", actor.Scopes, "until", made.Key.ExpiresAt.Format(time.DateOnly))

		if _, err := env.H.Identity.RevokeAPIKey(env.Ctx, made.Key.ID); err != nil {
			return err
		}
		_, err = env.H.Identity.Authenticate(env.Ctx, made.Token)
		fmt.Println("revoked:", hms.KindOf(err))
		return nil
	})
	// Output:
	// analyser 3 may [lab.enter] until 2026-05-31
	// revoked: unauthenticated
}

// Somebody who forgot his password gets a token by e-mail. A stranger learns nothing.
func ExampleService_RequestPasswordReset() {
	hmstest.Example(func(_ testing.TB, env *hmstest.Env) error {
		if _, err := invited(env, "grace", "seven green lanterns", identity.RoleNurse); err != nil {
			return err
		}
		nobody, err := env.H.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: "nobody"})
		fmt.Println("an account:", nobody.Found, err) // answer the person in the same way

		reset, err := env.H.Identity.RequestPasswordReset(env.Ctx, identity.RequestPasswordResetInput{Login: "grace"})
		if err != nil {
			return err
		}
		user, err := env.H.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
			Token: reset.Token, Password: "eight blue lanterns",
		})
		fmt.Println(user.Username, err)

		_, err = env.H.Identity.ResetPassword(env.Ctx, identity.ResetPasswordInput{
			Token: reset.Token, Password: "nine red lanterns",
		})
		fmt.Println("the token again:", errors.Is(err, identity.ErrTokenInvalid))
		return nil
	})
	// Output:
	// an account: false <nil>
	// grace <nil>
	// the token again: true
}

// A ward has one nurse on duty, for whom a colleague stands in from noon on: the board tells who is there, and until
// when.
func ExampleService_ListOnDuty() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		s, start := env.H.Identity, env.Now()
		ward, err := env.H.Facility.CreateWard(env.Ctx, facility.CreateWardInput{
			WardDetails: facility.WardDetails{Name: "East 2", Type: "general"},
		})
		if err != nil {
			return err
		}
		clerk, place := env.As(tb, identity.RoleWardClerk), identity.DutyPlace{Ward: ward.ID}
		duty, err := s.AssignDuty(clerk, identity.AssignDutyInput{
			User: env.User(tb, identity.RoleNurse), Kind: identity.DutyOnDuty, DutyPlace: place,
			Period: hmstype.Period{Start: start, End: start.Add(8 * time.Hour)},
		})
		if err != nil {
			return err
		}
		_, err = s.StandIn(clerk, identity.StandInInput{
			Duty: duty.ID, User: env.User(tb, identity.RoleDoctor),
			Period: hmstype.Period{Start: start.Add(3 * time.Hour), End: duty.Period.End},
		})
		if err != nil {
			return err
		}
		for _, at := range []time.Time{start, start.Add(4 * time.Hour)} {
			board, err := s.ListOnDuty(clerk, identity.ListOnDutyInput{DutyPlace: place, At: at})
			if err != nil {
				return err
			}
			for _, who := range board.Items {
				fmt.Println(at.Format(time.TimeOnly), who.Roles, "until", who.Until.Format(time.TimeOnly))
			}
		}
		return nil
	})
	// Output:
	// 09:00:00 [Nurse] until 12:00:00
	// 13:00:00 [Doctor] until 17:00:00
}

// Nobody makes an administrator alone: one asks, and another person approves.
func ExampleService_DecideAccessChange() {
	hmstest.Example(func(tb testing.TB, env *hmstest.Env) error {
		actor := hms.HumanActor(env.Tenant, env.User(tb, identity.RoleAdmin))
		actor.AuthenticatedAt = env.Now()
		asks, id := env.As(tb, identity.RoleAdmin), env.User(tb, identity.RoleReceptionist)
		_, err := env.H.Identity.SetUserRoles(asks, identity.SetUserRolesInput{ID: id, Roles: []string{identity.RoleAdmin}})
		fmt.Println("alone:", errors.Is(err, identity.ErrApprovalRequired))
		asked, err := env.H.Identity.RequestAdministrator(asks, identity.RequestAdministratorInput{
			User: id, Roles: []string{identity.RoleAdmin}, Reason: "Head of the records office from May on",
		})
		if err != nil {
			return err
		}
		_, err = env.H.Identity.DecideAccessChange(hms.WithActor(tb.Context(), actor), identity.DecideAccessChangeInput{
			ID: asked.ID, Status: identity.AccessApproved,
		})
		if err != nil {
			return err
		}
		user, err := env.H.Identity.GetUser(env.Ctx, id)
		fmt.Println("together:", user.Roles)
		return err
	})
	// Output:
	// alone: true
	// together: [Admin Receptionist]
}
