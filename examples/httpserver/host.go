package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"

	"github.com/google/uuid"

	"github.com/chelal/hms"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
	"github.com/chelal/hms/patient"
)

// cookieName has the prefix __Host-: browsers then take it over HTTPS only, for this host
// only. SameSite=Strict keeps other sites from sending it along, and requests that change
// something carry JSON, which a form of another site cannot: that is the guard against
// forged requests.
const cookieName = "__Host-session"

// host serves one hospital; a host of many finds the tenant by the name of the site, or by
// identity.TokenTenant.
type host struct {
	h      *hms.HMS
	tenant hms.TenantID
}

func newHost(h *hms.HMS, tenant hms.TenantID) http.Handler {
	s := &host{h: h, tenant: tenant}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.Handle("GET /patients", s.authenticated(s.searchPatients))
	mux.Handle("POST /patients", s.authenticated(s.registerPatient))
	mux.Handle("GET /patients/{id}", s.authenticated(s.getPatient))
	return mux
}

// authenticated puts the actor into the context, once for all that follows.
func (s *host) authenticated(next func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		cookie, err := r.Cookie(cookieName)
		if err != nil {
			fail(w, hms.ErrUnauthenticated)
			return
		}
		token := hmstype.Secret(cookie.Value)
		actor, err := s.h.Identity.Authenticate(r.Context(), token)
		if errors.Is(err, identity.ErrRotationRequired) {
			actor, err = s.rotate(w, r, token)
		}
		if err != nil {
			fail(w, err)
			return
		}
		actor.RequestID = requestID(r)
		if err := next(w, r.WithContext(hms.WithActor(r.Context(), actor))); err != nil {
			fail(w, err)
		}
	})
}

// rotate gives a session a new token after its user's permissions changed.
func (s *host) rotate(w http.ResponseWriter, r *http.Request, token hmstype.Secret) (hms.Actor, error) {
	login, err := s.h.Identity.RotateSession(r.Context(), token)
	if err != nil {
		return hms.Actor{}, err
	}
	setCookie(w, login)
	return s.h.Identity.Authenticate(r.Context(), login.Token)
}

// requestID takes over a proxy's id, if it is one, for the trail.
func requestID(r *http.Request) string {
	if id, err := uuid.Parse(r.Header.Get("X-Request-Id")); err == nil {
		return id.String()
	}
	return uuid.NewString()
}

func setCookie(w http.ResponseWriter, login identity.Login) {
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: login.Token.Reveal(), Path: "/", Expires: login.Session.ExpiresAt,
		HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
}

// maxBody bounds what a request may bring.
const maxBody = 1 << 20

func read(r *http.Request, into any) error {
	if r.Header.Get("Content-Type") != "application/json" {
		return hmstype.Invalid("body", "must be JSON")
	}
	text, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxBody))
	if err != nil {
		return hmstype.Invalid("body", "must have at most 1 MiB")
	}
	// What encoding/json takes without a word: a member that is given twice, half of a character, something behind it.
	if err := hmstype.CheckJSON(text); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return hmstype.Invalid("body", "must be JSON of this form")
	}
	return nil
}

func write(w http.ResponseWriter, status int, body any) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store") // a patient's data are in no cache
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(body)
}

// statuses is how the kinds of error look over HTTP.
var statuses = map[hms.Kind]int{
	hmstype.KindNotFound:         http.StatusNotFound,
	hmstype.KindAlreadyExists:    http.StatusConflict,
	hmstype.KindInvalid:          http.StatusUnprocessableEntity,
	hmstype.KindPermissionDenied: http.StatusForbidden,
	hmstype.KindUnauthenticated:  http.StatusUnauthorized,
	hmstype.KindPrecondition:     http.StatusConflict,
	hmstype.KindStale:            http.StatusPreconditionFailed,
	hmstype.KindUnavailable:      http.StatusServiceUnavailable,
}

// fail answers with the error's status, and with the fields that an input should mend. No
// error of hms holds a patient's data; an internal one is not shown all the same.
func fail(w http.ResponseWriter, err error) {
	status, known := statuses[hms.KindOf(err)]
	body := map[string]any{"error": string(hms.KindOf(err))}
	if !known {
		status = http.StatusInternalServerError
	}
	if fields := hms.Fields(err); fields != nil {
		body["fields"] = fields
	}
	if errors.Is(err, identity.ErrSecondFactorRequired) {
		body["secondFactor"] = true
	}
	_ = write(w, status, body) // the client may have gone
}

func (s *host) login(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Login    string         `json:"login"`
		Password hmstype.Secret `json:"password"`
		Code     hmstype.Secret `json:"code"`
	}
	if err := read(r, &in); err != nil {
		fail(w, err)
		return
	}
	source, _, err := net.SplitHostPort(r.RemoteAddr) // behind a proxy: the address that the proxy vouches for
	if err != nil {
		source = r.RemoteAddr
	}
	login, err := s.h.Identity.Login(s.system(r.Context()), identity.LoginInput{
		Login: in.Login, Password: in.Password, Code: in.Code, Source: source, UserAgent: clip(r.UserAgent(), 500),
	})
	if err != nil {
		fail(w, err)
		return
	}
	setCookie(w, login)
	// the client may have gone
	_ = write(w, http.StatusOK, map[string]any{"user": login.User.Username, "roles": login.User.Roles})
}

// system is the actor of what the host does for people who are not known yet.
func (s *host) system(ctx context.Context) context.Context {
	return hms.WithActor(ctx, hms.SystemActor(s.tenant, "login"))
}

func clip(text string, n int) string { return text[:min(n, len(text))] }

func (s *host) logout(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie(cookieName); err == nil {
		if err := s.h.Identity.Logout(r.Context(), hmstype.Secret(cookie.Value)); err != nil {
			fail(w, err)
			return
		}
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode,
	})
	w.WriteHeader(http.StatusNoContent)
}

func (s *host) searchPatients(w http.ResponseWriter, r *http.Request) error {
	list, err := s.h.Patient.Search(r.Context(), patient.SearchInput{
		Name: r.FormValue("name"), MRN: r.FormValue("mrn"), Page: hms.Page{Limit: 20, Cursor: r.FormValue("cursor")},
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, list)
}

func (s *host) registerPatient(w http.ResponseWriter, r *http.Request) error {
	var in patient.RegisterInput
	if err := read(r, &in.Details); err != nil {
		return err
	}
	in.IdempotencyKey = clip(r.Header.Get("Idempotency-Key"), 200)
	p, err := s.h.Patient.Register(r.Context(), in)
	if err != nil {
		return err
	}
	return write(w, http.StatusCreated, p)
}

func (s *host) getPatient(w http.ResponseWriter, r *http.Request) error {
	id, err := hmstype.ParseID[hmstype.PatientID](r.PathValue("id"))
	if err != nil {
		return hms.ErrNotFound
	}
	p, err := s.h.Patient.Get(r.Context(), id)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, p)
}
