// Command httpserver is a small host: people log in over HTTP, a cookie carries their session,
// and a middleware turns it into the actor that every service of hms asks for.
//
//	go run ./examples/httpserver            serves on localhost:8080, on a throw-away database
//	go run ./examples/httpserver -n 60      walks through a login and 60 requests, and ends
//
// A real host differs in three things: its own database, HTTPS before it (the cookie is
// marked Secure), and a key-encryption key and an audit signer that are not made on the spot.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/chelal/hms"
	"github.com/chelal/hms/audit/sealed"
	"github.com/chelal/hms/hmstest/pgserver"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/identity"
)

func main() {
	requests := flag.Int("n", 0, "walk through a login and so many requests, and end; 0 serves")
	address := flag.String("listen", "localhost:8080", "where to serve")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *requests, *address)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "httpserver:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, requests int, address string) (err error) {
	folder, err := os.MkdirTemp("", "hms-httpserver-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	server, err := pgserver.Start(ctx, pgserver.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop(context.WithoutCancel(ctx))) }()
	fmt.Println("PostgreSQL:", server)
	db, err := hms.OpenDB(server.DSN(""))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	config, err := configure(folder)
	if err != nil {
		return err
	}
	h, err := hms.New(db, config)
	if err != nil {
		return err
	}
	if err := h.Migrate(ctx); err != nil {
		return err
	}
	first, err := setUp(ctx, h)
	if err != nil {
		return err
	}
	if requests > 0 {
		address = "localhost:0"
	}
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	host := &http.Server{Handler: newHost(h, first.tenant), ReadHeaderTimeout: 10 * time.Second}
	return serve(ctx, host, listener, func() error {
		if requests == 0 {
			fmt.Printf("Log in at http://%s/login as %q with %q\n", listener.Addr(), first.username, first.password.Reveal())
			<-ctx.Done()
			return nil
		}
		return walk(ctx, "http://"+listener.Addr().String(), first, requests)
	})
}

// serve runs fn while the host serves, and then lets the host finish what it has begun.
func serve(ctx context.Context, host *http.Server, listener net.Listener, fn func() error) error {
	done := make(chan error, 1)
	go func() { done <- host.Serve(listener) }()
	err := fn()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, host.Shutdown(ctx))
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// configure makes keys on the spot; a real host has them from its key management.
func configure(folder string) (hms.Config, error) {
	key, err := hms.OpenLocalKey(filepath.Join(folder, "kek.json"))
	if err != nil {
		return hms.Config{}, err
	}
	secret, public, err := note.GenerateKey(rand.Reader, "httpserver.example")
	if err != nil {
		return hms.Config{}, err
	}
	signer, err := note.NewSigner(secret)
	if err != nil {
		return hms.Config{}, err
	}
	witness, err := sealed.NewFileWitness(filepath.Join(folder, "witness.jsonl"), public)
	if err != nil {
		return hms.Config{}, err
	}
	return hms.Config{
		KeyEncryptionKey: key, EncryptNarrative: true,
		AuditLog: sealed.Config{Signer: signer, Verifiers: []string{public}, Witnesses: []sealed.Witness{witness}},
	}, nil
}

// account is the first administrator's.
type account struct {
	tenant   hms.TenantID
	username string
	password hmstype.Secret
}

// setUp creates a hospital and its first administrator, who accepts an invitation.
func setUp(ctx context.Context, h *hms.HMS) (account, error) {
	a := account{tenant: hms.NewTenantID(), username: "ada", password: "seven green lanterns"}
	ctx = hms.WithActor(ctx, hms.SystemActor(a.tenant, "setup"))
	if _, err := h.Identity.CreateTenant(ctx, identity.CreateTenantInput{
		TenantDetails: identity.TenantDetails{Name: "Example hospital"},
	}); err != nil {
		return a, err
	}
	user, err := h.Identity.CreateUser(ctx, identity.CreateUserInput{
		Profile: identity.Profile{Username: a.username, FirstName: "Ada", LastName: "Admin"},
		Roles:   []string{identity.RoleAdmin}, Invite: true,
	})
	if err != nil {
		return a, err
	}
	invitation, err := h.Identity.Invite(ctx, user.ID)
	if err != nil {
		return a, err
	}
	_, err = h.Identity.AcceptInvitation(ctx, identity.AcceptInvitationInput{
		Token: invitation.Token, Password: a.password,
	})
	return a, err
}
