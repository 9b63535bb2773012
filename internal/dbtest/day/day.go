package hms_test

import (
	"context"
	"time"

	"github.com/pquerna/otp/totp"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/outbox"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// canaryDay is what one part of the day leaves to the next.
type canaryDay struct {
	*hospital
	user     identity.User
	me       context.Context //nolint:containedctx // a test's; user
	other    context.Context //nolint:containedctx // a test's; somebody else
	service  billing.ServiceItem
	item     pharmacy.Item
	location hmstype.LocationID
	batch    pharmacy.Batch
	patient  patient.Patient
	visit    hmstype.EncounterID
	rx       hmstype.PrescriptionID
}

// live lives the day.
func (c *hospital) live() {
	d := &canaryDay{hospital: c}
	d.accounts()
	d.secondFactor()
	d.sessions()
	d.catalogue()
	d.formulary()
	d.desk()
	d.coverage()
	d.emergency()
	d.appointments()
	d.encounters()
	d.notes()
	d.findings()
	d.prescriptions()
	d.dispensing()
	d.laboratory()
	d.ward()
	d.bills()
	d.refunds()
	d.post()
	d.disclosures()
	d.questions()
	d.office()
	d.night()
}

const afterwards = time.Minute // between two use cases that must not share an instant

func (d *canaryDay) accounts() {
	c, s := d.hospital, d.h.Identity
	run(c, d.sys, s.CreateTenant, identity.CreateTenantInput{})
	role := run(c, d.sys, s.CreateRole, identity.CreateRoleInput{
		RoleDetails: identity.RoleDetails{Permissions: hmstype.Permissions()},
	})
	run(c, d.sys, s.UpdateRole, identity.UpdateRoleInput{
		ID: role.ID, Version: role.Version, RoleDetails: identity.RoleDetails{Permissions: hmstype.Permissions()},
	})
	d.role = role.Name
	perform(c, d.sys, s.ListRoles)
	perform(c, d.sys, s.GetTenant)
	user := run(c, d.sys, s.CreateUser, identity.CreateUserInput{
		Profile: identity.Profile{Email: d.mail("identity.CreateUser.Profile.Email")}, Invite: true,
	})
	invitation := run(c, d.sys, s.Invite, user.ID)
	first := d.secret("identity.AcceptInvitation.Password")
	user = run(c, d.sys, s.AcceptInvitation, identity.AcceptInvitationInput{Token: invitation.Token, Password: first})
	user = run(c, d.sys, s.SetUserRoles, identity.SetUserRolesInput{ID: user.ID, Roles: []string{d.role}})
	d.user = run(c, d.sys, s.UpdateUser, identity.UpdateUserInput{
		ID: user.ID, Version: user.Version, Profile: identity.Profile{Email: d.mail("identity.UpdateUser.Profile.Email"), PhoneNumber: d.phone("identity.UpdateUser.Profile.PhoneNumber")},
	})
	run(c, d.sys, s.GetUser, user.ID)
	run(c, d.sys, s.ListUsers, hmstype.Page{})
	reset := run(c, d.sys, s.RequestPasswordReset, identity.RequestPasswordResetInput{Login: d.user.Username})
	run(c, d.sys, s.ResetPassword, identity.ResetPasswordInput{Token: reset.Token, Password: d.secret("identity.ResetPassword.Password")})
	key := run(c, d.sys, s.CreateAPIKey, identity.CreateAPIKeyInput{
		APIKeyDetails: identity.APIKeyDetails{User: user.ID, Scopes: []hmstype.Permission{hmstype.PermPatientRead}}, Expiry: time.Hour,
	})
	run(c, d.t.Context(), s.Authenticate, key.Token)
	run(c, d.sys, s.ListAPIKeys, user.ID)
	run(c, d.sys, s.RevokeAPIKey, key.Key.ID)
	tell(c, d.sys, s.UnlockPassword, user.ID)
	d.other = d.person(d.role)
	gone := run(c, d.sys, s.CreateUser, identity.CreateUserInput{Profile: identity.Profile{Email: d.mail("identity.CreateUser.Profile.Email")}})
	run(c, d.sys, s.SetUserStatus, identity.SetUserStatusInput{ID: gone.ID, Status: identity.UserLocked})
}

// logIn begins a session of the user, whose password is set anew.
func (d *canaryDay) logIn(code hmstype.Secret) (identity.Login, hmstype.Secret) {
	c, s := d.hospital, d.h.Identity
	reset := run(c, d.sys, s.RequestPasswordReset, identity.RequestPasswordResetInput{Login: d.user.Username})
	password := d.secret("identity.Login.Password")
	run(c, d.sys, s.ResetPassword, identity.ResetPasswordInput{Token: reset.Token, Password: password})
	return run(c, d.sys, s.Login, identity.LoginInput{Login: d.user.Username, Password: password, Code: code}), password
}

func (d *canaryDay) actor(token hmstype.Secret) context.Context {
	return hms.WithActor(d.t.Context(), run(d.hospital, d.t.Context(), d.h.Identity.Authenticate, token))
}

func (d *canaryDay) secondFactor() {
	c, s := d.hospital, d.h.Identity
	login, _ := d.logIn("")
	me := d.actor(login.Token)
	enrolment := perform(c, me, s.BeginTOTP)
	code := func() hmstype.Secret {
		d.clock.Advance(afterwards)
		text, err := totp.GenerateCode(enrolment.Secret.Reveal(), d.clock.Now())
		require.NoError(d.t, err)
		return hmstype.Secret(text)
	}
	run(c, me, s.ConfirmTOTP, code())
	login, password := d.logIn(code())
	me = d.actor(login.Token)
	tell(c, me, s.Reauthenticate, password)
	tell(c, me, s.DisableTOTP, password)
	credential := run(c, me, s.AddWebAuthnCredential, identity.WebAuthnCredential{WebAuthnDetails: identity.WebAuthnDetails{
		CredentialID: make([]byte, 32), PublicKey: []byte("key"), AAGUID: make([]byte, 16),
	}})
	perform(c, me, s.ListWebAuthnCredentials)
	tell(c, me, s.RemoveWebAuthnCredential, credential.ID)
	tell(c, me, s.ChangePassword, identity.ChangePasswordInput{Old: password, New: d.secret("identity.ChangePassword.New")})
}

func (d *canaryDay) sessions() {
	c, s := d.hospital, d.h.Identity
	first, _ := d.logIn("")
	second := run(c, d.t.Context(), s.RotateSession, first.Token)
	me := d.actor(second.Token)
	run(c, me, s.ListMySessions, hmstype.Page{})
	tell(c, me, s.EndMySession, second.Session.ID)
	third, _ := d.logIn("")
	run(c, d.sys, s.ListSessions, identity.ListSessionsInput{User: d.user.ID})
	tell(c, d.sys, s.EndSession, third.Session.ID)
	tell(c, d.sys, s.EndSessions, d.user.ID)
	last, _ := d.logIn("")
	d.me = d.actor(last.Token)
	tell(c, d.t.Context(), s.Logout, last.Token)
}

func (d *canaryDay) catalogue() {
	c, s := d.hospital, d.h.Billing
	created := run(c, d.sys, s.CreateServiceItem, billing.CreateServiceItemInput{
		ServiceDetails: billing.ServiceDetails{TaxPercent: decimal.NewFromInt(7)},
	})
	d.service = run(c, d.sys, s.UpdateServiceItem, billing.UpdateServiceItemInput{ID: created.ID, Version: created.Version, Active: true})
	today := hmstype.DateOf(d.clock.Now(), time.UTC)
	run(c, d.sys, s.SetPrice, billing.SetPriceInput{Service: created.ID, Amount: hmstype.MustMoney("10", "USD"), From: today.AddDays(-9)})
	price := run(c, d.sys, s.SetPrice, billing.SetPriceInput{Service: created.ID, Amount: hmstype.MustMoney("11", "EUR"), From: today.AddDays(-9)})
	run(c, d.sys, s.EndPrice, billing.EndPriceInput{Price: price.ID, Version: price.Version, Until: today.AddDays(9)})
	run(c, d.sys, s.ListServiceItems, hmstype.Page{})
	run(c, d.sys, s.ListPrices, created.ID)
}

func (d *canaryDay) formulary() {
	c, s := d.hospital, d.h.Pharmacy
	category := run(c, d.sys, s.CreateCategory, pharmacy.CreateCategoryInput{})
	item := run(c, d.sys, s.CreateItem, pharmacy.CreateItemInput{
		ItemDetails: pharmacy.ItemDetails{Category: category.ID, ServiceCode: d.service.Code},
	})
	d.item = run(c, d.sys, s.UpdateItem, pharmacy.UpdateItemInput{
		ID: item.ID, Version: item.Version, Active: true,
		ItemDetails: pharmacy.ItemDetails{Category: category.ID, ServiceCode: d.service.Code},
	})
	run(c, d.sys, s.GetItem, item.ID)
	run(c, d.sys, s.ListItems, hmstype.Page{})
	supplier := run(c, d.sys, s.CreateSupplier, pharmacy.CreateSupplierInput{
		SupplierDetails: pharmacy.SupplierDetails{PhoneNumber: d.phone("pharmacy.CreateSupplier.SupplierDetails.PhoneNumber")},
	})
	d.location = run(c, d.sys, s.CreateLocation, pharmacy.CreateLocationInput{}).ID
	receive := pharmacy.ReceiveBatchInput{
		BatchDetails: pharmacy.BatchDetails{
			Item: item.ID, Supplier: supplier.ID, ExpiryDate: hmstype.DateOf(d.clock.Now(), time.UTC).AddDays(300),
		},
		Location: d.location, Quantity: 100, CostPrice: hmstype.MustMoney("1", "USD"), SellingPrice: hmstype.MustMoney("2", "USD"),
	}
	d.batch = run(c, d.sys, s.ReceiveBatch, receive)
	held := run(c, d.sys, s.ReceiveBatch, receive)
	run(c, d.sys, s.SetBatchStatus, pharmacy.SetBatchStatusInput{ID: held.ID, Status: pharmacy.BatchHold})
	run(c, d.sys, s.GetBatchHistory, held.ID)
}

func (d *canaryDay) ward() {
	c, s := d.hospital, d.h.Facility
	ward := run(c, d.sys, s.CreateWard, facility.CreateWardInput{
		WardDetails: facility.WardDetails{ServiceCode: d.service.Code},
	})
	bed := func() hmstype.BedID { return run(c, d.sys, s.CreateBed, facility.CreateBedInput{Ward: ward.ID}).ID }
	first, second, spare := bed(), bed(), bed()
	stay := run(c, d.sys, s.Admit, facility.AdmitInput{Encounter: d.inpatient(), Bed: first})
	d.clock.Advance(25 * time.Hour)
	run(c, d.sys, s.PostBedDays, facility.PostBedDaysInput{AsOf: d.clock.Now()})
	stay = run(c, d.sys, s.Transfer, facility.TransferInput{Stay: stay.ID, Bed: second})
	run(c, d.sys, s.GetCensus, facility.GetCensusInput{At: d.clock.Now()})
	run(c, d.sys, s.OrderDischarge, stay.ID)
	d.clock.Advance(afterwards)
	run(c, d.sys, s.Depart, facility.DepartInput{Stay: stay.ID})
	run(c, d.sys, s.MarkCleaned, first)
	run(c, d.sys, s.CloseBed, spare)
	run(c, d.sys, s.ReopenBed, spare)
	run(c, d.sys, s.ListBeds, facility.ListBedsInput{})
	run(c, d.sys, s.GetBedHistory, first)
	run(c, d.sys, s.GetStayHistory, stay.ID)
	run(c, d.sys, s.GetStay, stay.ID)
	run(c, d.sys, s.ListStays, facility.ListStaysInput{Ward: ward.ID})
	perform(c, d.sys, s.Verify)
}

// delivered takes an event of the outbox, which may hold nothing of what was fed.
func (d *canaryDay) delivered(_ context.Context, e outbox.Event) error {
	d.requireNone(d.t, string(e.Data)+e.Type+e.Entity+e.EntityID, "outbox event "+e.Type)
	return nil
}
