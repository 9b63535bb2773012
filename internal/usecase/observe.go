package usecase

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"
	"github.com/uptrace/bun"

	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/internal/dbx"
)

// errPanicked is what the observers are told of a use case that panicked.
var errPanicked = errors.New("the use case panicked")

// observe tells the observers that a use case begins, and gives what tells them how it ended: the
// first time that it is called. Deferred with [errPanicked] it tells of a panic, too.
func (b *Base) observe(ctx context.Context, operation string) (context.Context, func(error)) {
	if len(b.Observers) == 0 {
		return ctx, func(error) {}
	}
	of := useCaseOf(ctx, operation)
	started := time.Now() //nolint:forbidigo // a duration is the machine's, whatever clock the host injects
	ctx, meter := dbx.WithMeter(ctx)
	dones := make([]func(hmstype.Outcome), 0, len(b.Observers))
	for _, o := range b.Observers {
		var done func(hmstype.Outcome)
		ctx, done = o.Begin(ctx, of)
		if done != nil {
			dones = append(dones, done)
		}
	}
	told := false
	return ctx, func(err error) {
		if told {
			return
		}
		told = true
		outcome := hmstype.Outcome{Kind: hmstype.KindOf(err), RoundTrips: meter.RoundTrips(), Duration: time.Since(started)}
		for i := len(dones) - 1; i >= 0; i-- {
			dones[i](outcome)
		}
	}
}

func useCaseOf(ctx context.Context, operation string) hmstype.UseCase {
	of := hmstype.UseCase{Operation: operation}
	if actor, err := hmstype.ActorFrom(ctx); err == nil {
		of.Tenant, of.RequestID = actor.Tenant, actor.RequestID
	}
	return of
}

// LogObserver writes one line per use case: debug, and error where the outcome is internal.
type LogObserver struct{ Log zerolog.Logger }

// Begin implements hmstype.Observer.
func (o LogObserver) Begin(ctx context.Context, of hmstype.UseCase) (context.Context, func(hmstype.Outcome)) {
	return ctx, func(outcome hmstype.Outcome) {
		event := o.Log.Debug()
		if outcome.Kind == hmstype.KindInternal {
			event = o.Log.Error()
		}
		event.Str("op", of.Operation).Str("kind", string(outcome.Kind)).Str("tenant", of.Tenant.String()).
			Str("request", of.RequestID).Int64("roundTrips", outcome.RoundTrips).Dur("took", outcome.Duration).Msg("use case")
	}
}

// before asks the host's hooks that run before the rule.
func (b *Base) before(ctx context.Context, db dbx.DB, op Op, in any) error {
	return b.ask(ctx, db, op, in, nil, func(h hmstype.Hook) func(context.Context, hmstype.HookCall) error {
		return h.Before
	})
}

// after asks those that run after it.
func (b *Base) after(ctx context.Context, db dbx.DB, op Op, in, out any) error {
	return b.ask(ctx, db, op, in, out, func(h hmstype.Hook) func(context.Context, hmstype.HookCall) error {
		return h.After
	})
}

// given is the argument that the caller gave, or the result that he gets, where ours is a wrapper
// around it: a host cannot name our types.
func given(value any) any {
	if w, ok := value.(interface{ Given() any }); ok {
		return w.Given()
	}
	return value
}

func (b *Base) ask(
	ctx context.Context, db dbx.DB, op Op, in, out any,
	pick func(hmstype.Hook) func(context.Context, hmstype.HookCall) error,
) error {
	for _, hook := range b.Hooks {
		fn := pick(hook)
		if fn == nil {
			continue
		}
		err := db.AsHost(ctx, func(ctx context.Context, conn bun.IConn) error {
			return fn(ctx, hmstype.HookCall{
				UseCase: useCaseOf(ctx, op.Name), Actor: db.Actor, Input: given(in), Result: given(out), Conn: conn,
			})
		})
		if err != nil {
			return err
		}
	}
	return nil
}
