package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"

	"github.com/chelal/hms/billing"
	"github.com/chelal/hms/clinical"
	"github.com/chelal/hms/clinical/scheduling"
	"github.com/chelal/hms/facility"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
	"github.com/chelal/hms/pharmacy"
)

// tally counts commands, their durations and why some were refused.
type tally struct {
	mu        sync.Mutex
	durations []time.Duration
	byName    map[string]int
	refused   map[string]int
}

func (t *tally) add(name string, took time.Duration, err error) {
	t.mu.Lock()
	t.durations = append(t.durations, took)
	if t.byName == nil {
		t.byName = map[string]int{}
	}
	t.byName[name]++
	t.mu.Unlock()
	if err != nil {
		t.refuse(name + ": " + reasonOf(err))
	}
}

func (t *tally) refuse(reason string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.refused == nil {
		t.refused = map[string]int{}
	}
	t.refused[reason]++
}

// reasonOf gives words for a refusal that do not depend on who or what was refused.
func reasonOf(err error) string {
	for _, known := range []error{
		pharmacy.ErrInsufficientStock, pharmacy.ErrPrescription, hmstype.ErrFindings,
		scheduling.ErrSlotTaken, patient.ErrDeceased, clinical.ErrAllergyContradiction,
		facility.ErrBedTaken, facility.ErrBedNotReady, facility.ErrPatientInBed, facility.ErrStillInBed,
		billing.ErrOverpayment, billing.ErrNothingToBill, patient.ErrDuplicate, patient.ErrIdentifierTaken,
		hmstype.ErrInvalidTransition, hmstype.ErrStale, hmstype.ErrPermissionDenied,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return string(hmstype.KindOf(err))
}

// quantile gives the duration that the share of all commands did not exceed.
func (t *tally) quantile(share float64) time.Duration {
	if len(t.durations) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(t.durations))
	return sorted[int(share*float64(len(sorted)-1))]
}

// work sends everybody on the roster through the hospital, some at once.
func (d *hospital) work(ctx context.Context, o options) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	people := make(chan patient.RegisterInput)
	var skipped []error
	var rosterErr error
	var wg sync.WaitGroup
	wg.Go(func() { skipped, rosterErr = roster(ctx, o, people) })

	meter := newMeter(o.count)
	failures := make(chan error, o.workers)
	for range o.workers {
		wg.Go(func() {
			for in := range people {
				err := d.treat(in)
				if err != nil && !errors.Is(err, errRefused) {
					failures <- err
					cancel()
					return
				}
				if hmstype.KindOf(err) == hmstype.KindUnavailable {
					d.await(ctx)
				}
				meter.done()
			}
		})
	}
	wg.Wait()
	meter.stop()
	close(failures)
	for _, s := range skipped {
		fmt.Println("skipped:", s)
	}
	return errors.Join(rosterErr, <-failures)
}

// await waits until the database serves again, as a hospital does.
func (d *hospital) await(ctx context.Context) {
	for ctx.Err() == nil && d.h.Check(ctx) != nil {
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// meter shows how far the day is: a bar on a terminal, a line now and then elsewhere.
type meter struct {
	mu      sync.Mutex
	total   int
	count   int
	tracker *progress.Tracker
	writer  progress.Writer
	ended   chan struct{}
}

func newMeter(total int) *meter {
	m := &meter{total: total}
	if info, err := os.Stdout.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return m
	}
	m.writer = progress.NewWriter()
	m.writer.SetUpdateFrequency(100 * time.Millisecond)
	m.tracker = &progress.Tracker{Message: "patients treated", Total: int64(total)}
	m.writer.AppendTracker(m.tracker)
	m.ended = make(chan struct{})
	go func() {
		defer close(m.ended)
		m.writer.Render()
	}()
	return m
}

func (m *meter) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	if m.tracker != nil {
		m.tracker.Increment(1)
	} else if m.count%max(1, m.total/5) == 0 {
		fmt.Printf("%d patients treated\n", m.count)
	}
}

func (m *meter) stop() {
	if m.writer == nil {
		return
	}
	m.tracker.MarkAsDone()
	m.writer.Stop()
	<-m.ended
}
