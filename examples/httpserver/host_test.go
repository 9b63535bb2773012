package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstest"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

func TestMain(m *testing.M) { hmstest.Main(m) }

func TestHost_WalksThrough(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	who, err := setUp(t.Context(), env.H)
	require.NoError(t, err)
	server := httptest.NewServer(newHost(env.H, who.tenant))
	defer server.Close()
	defer http.DefaultClient.CloseIdleConnections()
	require.NoError(t, walk(t.Context(), server.URL, who, 3))
}

// Each kind of error has a status of its own meaning, and shows no data.
func TestHost_StatusOfErrors(t *testing.T) {
	t.Parallel()
	env := hmstest.New(t)
	host := newHost(env.H, env.Tenant)
	user, err := env.H.Identity.CreateUser(env.Ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: "bo", FirstName: "B", LastName: "O"}, Roles: []string{identity.RolePharmacist},
		Invite: true,
	})
	require.NoError(t, err)
	invitation, err := env.H.Identity.Invite(env.Ctx, user.ID)
	require.NoError(t, err)
	_, err = env.H.Identity.AcceptInvitation(env.Ctx, identity.AcceptInvitationInput{
		Token: invitation.Token, Password: "seven green lanterns",
	})
	require.NoError(t, err)
	login, err := env.H.Identity.Login(env.Ctx, identity.LoginInput{Login: "bo", Password: "seven green lanterns"})
	require.NoError(t, err)
	vip, err := env.H.Patient.Register(env.Ctx, patient.RegisterInput{
		Details: patient.Details{LastName: "Canary", Gender: patient.GenderOther}, Restricted: true,
	})
	require.NoError(t, err)

	for name, tt := range map[string]struct {
		method, path, body, token string
		want                      int
	}{
		"NoCookie":  {http.MethodGet, "/patients?name=ann", "", "", http.StatusUnauthorized},
		"BadCookie": {http.MethodGet, "/patients?name=ann", "", "hms_s_x", http.StatusUnauthorized},
		"NotAllowed": {
			http.MethodPost, "/patients", `{"lastName":"X","gender":"male"}`, login.Token.Reveal(), http.StatusForbidden,
		},
		"Restricted": {http.MethodGet, "/patients/" + vip.ID.String(), "", login.Token.Reveal(), http.StatusForbidden},
		"NotFound": {
			http.MethodGet, "/patients/" + hmstype.NewID[hmstype.PatientID]().String(), "", login.Token.Reveal(),
			http.StatusNotFound,
		},
		"NoID":     {http.MethodGet, "/patients/x", "", login.Token.Reveal(), http.StatusNotFound},
		"BadQuery": {http.MethodGet, "/patients", "", login.Token.Reveal(), http.StatusUnprocessableEntity},
		"NotJSON":  {http.MethodPost, "/login", "login=bo", "", http.StatusUnprocessableEntity},
		"MemberTwice": {
			http.MethodPost, "/login", `{"login":"bo","Login":"al","password":"no"}`, "", http.StatusUnprocessableEntity,
		},
		"HalfOfACharacter": {
			http.MethodPost, "/login", `{"login":"\ud800","password":"no"}`, "", http.StatusUnprocessableEntity,
		},
		"SecondValue": {
			http.MethodPost, "/login", `{"login":"bo","password":"no"} {}`, "", http.StatusUnprocessableEntity,
		},
		"WrongAccount": {http.MethodPost, "/login", `{"login":"bo","password":"no"}`, "", http.StatusUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if tt.token != "" {
				r.AddCookie(&http.Cookie{Name: cookieName, Value: tt.token})
			}
			w := httptest.NewRecorder()
			host.ServeHTTP(w, r)
			require.Equal(t, tt.want, w.Code, w.Body)
			require.NotContains(t, w.Body.String(), "Canary")
		})
	}
	for kind, status := range statuses {
		require.NotZero(t, status, kind)
	}
	require.Equal(t, http.StatusUnauthorized, statuses[hms.KindOf(hms.ErrUnauthenticated)])
}
