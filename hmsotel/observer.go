package hmsotel

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/chelal/hms/hmstype"
)

const scope = "github.com/chelal/hms"

// The names of what is measured and told.
const (
	MetricDuration   = "hms.use_case.duration"    // histogram, seconds, by operation and outcome
	MetricRoundTrips = "hms.use_case.round_trips" // histogram, by operation and outcome

	AttributeOperation  = "hms.operation"   // such as "pharmacy.dispense"
	AttributeOutcome    = "hms.outcome"     // "ok" or an hmstype.Kind
	AttributeTenant     = "hms.tenant"      // of spans only: as a label of metrics it would have no bound
	AttributeRequestID  = "hms.request_id"  // of spans only
	AttributeRoundTrips = "hms.round_trips" // of spans only
)

// outcomeOK stands for no error.
const outcomeOK = "ok"

// Config says where spans and metrics go; nil means the process's global providers.
type Config struct {
	TracerProvider trace.TracerProvider
	MeterProvider  metric.MeterProvider
}

// Observer implements hmstype.Observer; it is safe for concurrent use.
type Observer struct {
	tracer     trace.Tracer
	duration   metric.Float64Histogram
	roundTrips metric.Int64Histogram
}

var _ hmstype.Observer = (*Observer)(nil)

// New makes the observer; its error is the meter's, for an instrument that it refuses.
func New(config Config) (*Observer, error) {
	if config.TracerProvider == nil {
		config.TracerProvider = otel.GetTracerProvider()
	}
	if config.MeterProvider == nil {
		config.MeterProvider = otel.GetMeterProvider()
	}
	meter := config.MeterProvider.Meter(scope)
	duration, durationErr := meter.Float64Histogram(MetricDuration, metric.WithUnit("s"),
		metric.WithDescription("How long a use case took, from the call to the return."))
	trips, tripsErr := meter.Int64Histogram(MetricRoundTrips, metric.WithUnit("{round_trip}"),
		metric.WithDescription("How often a use case waited for the database's answer."))
	if err := errors.Join(durationErr, tripsErr); err != nil {
		return nil, fmt.Errorf("hmsotel: %w", err)
	}
	return &Observer{tracer: config.TracerProvider.Tracer(scope), duration: duration, roundTrips: trips}, nil
}

// Begin implements hmstype.Observer. A span's status is an error where the outcome is the server's
// fault (internal, unavailable); a refusal is the use case's answer.
func (o *Observer) Begin(ctx context.Context, of hmstype.UseCase) (context.Context, func(hmstype.Outcome)) {
	ctx, span := o.tracer.Start(ctx, of.Operation, trace.WithAttributes(
		attribute.String(AttributeOperation, of.Operation), attribute.String(AttributeTenant, of.Tenant.String()),
		attribute.String(AttributeRequestID, of.RequestID)))
	return ctx, func(outcome hmstype.Outcome) {
		kind := outcomeOK
		if outcome.Kind != hmstype.KindNone {
			kind = string(outcome.Kind)
		}
		span.SetAttributes(attribute.String(AttributeOutcome, kind), attribute.Int64(AttributeRoundTrips, outcome.RoundTrips))
		if outcome.Kind == hmstype.KindInternal || outcome.Kind == hmstype.KindUnavailable {
			span.SetStatus(codes.Error, kind)
		}
		span.End()
		labels := metric.WithAttributes(
			attribute.String(AttributeOperation, of.Operation), attribute.String(AttributeOutcome, kind),
		)
		o.duration.Record(ctx, outcome.Duration.Seconds(), labels)
		o.roundTrips.Record(ctx, outcome.RoundTrips, labels)
	}
}
