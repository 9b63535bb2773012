// Package chargetest is the conformance suite of [charge.Poster]: a host that brings a
// finance system of its own runs it against that, and knows that pharmacy, laboratory and
// facility may rely on it.
package chargetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/billing/charge"
	"github.com/chelal/hms/hmstype"
)

// Harness is one Poster with what an act needs around it.
type Harness struct {
	Poster  charge.Poster
	Patient hmstype.PatientID // a live patient
	Service string            // the code of a service that has a price at At
	At      time.Time         // a time of service
	// Ctx carries an actor who may do the acts.
	Ctx context.Context //nolint:containedctx // a test's
	// InTx runs an act in a transaction of its own: committed where fn gives nil, rolled back
	// otherwise. It gives fn's error, or that of the commit.
	InTx func(fn func(ctx context.Context, conn bun.IConn) error) error
	// Charged gives the sum of what the source costs by now, over all its lines: unbilled or
	// billed charges less what was taken back. nil leaves out what can only be seen so.
	Charged func(source charge.Source) hmstype.Money
}

var errUndo = errors.New("chargetest: undo")

// RunPoster runs the suite; start gives each test a harness of its own.
func RunPoster(t *testing.T, start func(t *testing.T) Harness) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Harness){
		"SecondPostGivesTheFirstID":    secondPost,
		"LinesAreCharges":              lines,
		"RollsBackWithTheDeed":         rollsBack,
		"UnknownServiceIsInvalid":      unknownService,
		"ImpossibleQuantityIsInvalid":  impossibleQuantity,
		"ReverseTakesBackEveryLine":    reverses,
		"ReverseOfNothingIsNothing":    reversesNothing,
		"ReverseTwiceIsOnce":           reversesTwice,
		"ConcurrentPostsChargeOnce":    concurrentPosts,
		"ConcurrentReversesCreditOnce": concurrentReverses,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// request asks for two units at 12.50 USD, from a source of its own.
func (h Harness) request() charge.Request {
	price := hmstype.MustMoney("12.50", "USD")
	return charge.Request{
		Source:  charge.Source{Kind: "chargetest", ID: hmstype.NewID[hmstype.ChargeID]().String()},
		Patient: h.Patient, Service: h.Service, Text: "Conformance", Quantity: decimal.NewFromInt(2), UnitPrice: &price,
		At: h.At,
	}
}

func (h Harness) post(req charge.Request) (id hmstype.ChargeID, err error) {
	err = h.InTx(func(ctx context.Context, conn bun.IConn) (err error) {
		id, err = h.Poster.Post(ctx, conn, req)
		return err
	})
	return id, err
}

func (h Harness) reverse(source charge.Source) error {
	return h.InTx(func(ctx context.Context, conn bun.IConn) error {
		return h.Poster.Reverse(ctx, conn, source, "conformance")
	})
}

func (h Harness) requireCharged(t *testing.T, source charge.Source, want string) {
	t.Helper()
	if h.Charged != nil {
		require.Equal(t, want, h.Charged(source).String())
	}
}

func secondPost(t *testing.T, h Harness) {
	req := h.request()
	first, err := h.post(req)
	require.NoError(t, err)
	require.False(t, first.IsZero())
	req.Quantity = decimal.NewFromInt(9)
	again, err := h.post(req)
	require.NoError(t, err)
	require.Equal(t, first, again)
	h.requireCharged(t, req.Source, "25.00 USD")
	err = h.InTx(func(ctx context.Context, conn bun.IConn) error { // twice in one act
		other := h.request()
		one, err := h.Poster.Post(ctx, conn, other)
		require.NoError(t, err)
		two, err := h.Poster.Post(ctx, conn, other)
		require.Equal(t, one, two)
		return err
	})
	require.NoError(t, err)
}

func lines(t *testing.T, h Harness) {
	req := h.request()
	first, err := h.post(req)
	require.NoError(t, err)
	req.Source.Line = 1
	second, err := h.post(req)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	h.requireCharged(t, req.Source, "50.00 USD")
}

func rollsBack(t *testing.T, h Harness) {
	req := h.request()
	err := h.InTx(func(ctx context.Context, conn bun.IConn) error {
		_, err := h.Poster.Post(ctx, conn, req)
		require.NoError(t, err)
		return errUndo
	})
	require.ErrorIs(t, err, errUndo)
	h.requireCharged(t, req.Source, "0.00 USD")
	_, err = h.post(req)
	require.NoError(t, err, "the source is free again")
	h.requireCharged(t, req.Source, "25.00 USD")
}

func unknownService(t *testing.T, h Harness) {
	req := h.request()
	req.Service = "no such service " + hmstype.NewID[hmstype.ServiceID]().String()[:8]
	_, err := h.post(req)
	require.ErrorIs(t, err, hmstype.ErrInvalid)
}

func impossibleQuantity(t *testing.T, h Harness) {
	for _, quantity := range []string{"0", "-1", "0.00001"} {
		req := h.request()
		req.Quantity = decimal.RequireFromString(quantity)
		_, err := h.post(req)
		require.ErrorIs(t, err, hmstype.ErrInvalid, quantity)
		h.requireCharged(t, req.Source, "0.00 USD")
	}
}

func reverses(t *testing.T, h Harness) {
	req := h.request()
	for line := range 3 {
		req.Source.Line = line
		_, err := h.post(req)
		require.NoError(t, err)
	}
	require.NoError(t, h.reverse(req.Source))
	h.requireCharged(t, req.Source, "0.00 USD")
}

func reversesNothing(t *testing.T, h Harness) {
	require.NoError(t, h.reverse(h.request().Source))
}

func reversesTwice(t *testing.T, h Harness) {
	req := h.request()
	_, err := h.post(req)
	require.NoError(t, err)
	require.NoError(t, h.reverse(req.Source))
	require.NoError(t, h.reverse(req.Source))
	h.requireCharged(t, req.Source, "0.00 USD")
}

// together runs fn at several desks at once.
func together(fn func() error) []error {
	errs := make([]error, 16)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { errs[i] = fn() })
	}
	wg.Wait()
	return errs
}

func concurrentPosts(t *testing.T, h Harness) {
	req := h.request()
	for _, err := range together(func() error { _, err := h.post(req); return err }) {
		require.NoError(t, err)
	}
	h.requireCharged(t, req.Source, "25.00 USD")
}

func concurrentReverses(t *testing.T, h Harness) {
	req := h.request()
	_, err := h.post(req)
	require.NoError(t, err)
	for _, err := range together(func() error { return h.reverse(req.Source) }) {
		require.NoError(t, err)
	}
	h.requireCharged(t, req.Source, "0.00 USD")
}
