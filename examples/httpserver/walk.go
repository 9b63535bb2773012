package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/chelal/hms/patient"
)

// client is a browser as far as this needs one. It keeps the cookie itself: a cookie jar
// would send one that is marked Secure over HTTPS only.
type client struct {
	base   string
	cookie *http.Cookie
}

// do sends a request and wants this status.
func (c *client) do(ctx context.Context, method, path string, in any, want int, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if c.cookie != nil {
		request.AddCookie(c.cookie)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was read
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	for _, cookie := range response.Cookies() {
		if cookie.Name == cookieName {
			c.cookie = cookie
		}
	}
	if response.StatusCode != want {
		return fmt.Errorf("%s %s: %s, wanted %d", method, path, response.Status, want)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// walk logs in, registers and finds patients, logs out, and is refused before and after.
func walk(ctx context.Context, base string, who account, requests int) error {
	c := &client{base: base}
	if err := c.do(ctx, http.MethodGet, "/patients?name=ada", nil, http.StatusUnauthorized, nil); err != nil {
		return err
	}
	wrong := map[string]string{"login": who.username, "password": "not this one"}
	if err := c.do(ctx, http.MethodPost, "/login", wrong, http.StatusUnauthorized, nil); err != nil {
		return err
	}
	right := map[string]string{"login": who.username, "password": who.password.Reveal()}
	if err := c.do(ctx, http.MethodPost, "/login", right, http.StatusOK, nil); err != nil {
		return err
	}
	if err := c.do(ctx, http.MethodPost, "/patients", patient.Details{}, http.StatusUnprocessableEntity, nil); err != nil {
		return err
	}
	for i := range requests {
		var registered, found patient.Patient
		in := patient.Details{
			FirstName: "Grace", LastName: fmt.Sprintf("Visitor %d", i), Gender: patient.GenderFemale, PhoneNumber: "+1 555 0100",
		}
		if err := c.do(ctx, http.MethodPost, "/patients", in, http.StatusCreated, &registered); err != nil {
			return err
		}
		if err := c.do(ctx, http.MethodGet, "/patients/"+registered.ID.String(), nil, http.StatusOK, &found); err != nil {
			return err
		}
		if found.PhoneNumber != in.PhoneNumber {
			return fmt.Errorf("patient %d came back otherwise than registered", i)
		}
	}
	old := c.cookie
	if err := c.do(ctx, http.MethodPost, "/logout", nil, http.StatusNoContent, nil); err != nil {
		return err
	}
	c.cookie = old
	if err := c.do(ctx, http.MethodGet, "/patients?name=grace", nil, http.StatusUnauthorized, nil); err != nil {
		return err
	}
	fmt.Printf("Logged in, registered and read %d patients, logged out; refused before and after.\n", requests)
	return nil
}
