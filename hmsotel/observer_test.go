package hmsotel_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/chelal/hms/hmsotel"
	"github.com/chelal/hms/hmstype"
)

func setup(t *testing.T) (*hmsotel.Observer, *tracetest.InMemoryExporter, *sdkmetric.ManualReader) {
	t.Helper()
	spans, reader := tracetest.NewInMemoryExporter(), sdkmetric.NewManualReader()
	o, err := hmsotel.New(hmsotel.Config{
		TracerProvider: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)),
		MeterProvider:  sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)),
	})
	require.NoError(t, err)
	return o, spans, reader
}

func TestObserver_Begin(t *testing.T) {
	t.Parallel()
	for kind, want := range map[hmstype.Kind]struct {
		outcome string
		status  codes.Code
	}{
		hmstype.KindNone:             {"ok", codes.Unset},
		hmstype.KindPermissionDenied: {"permission_denied", codes.Unset},
		hmstype.KindUnavailable:      {"unavailable", codes.Error},
		hmstype.KindInternal:         {"internal", codes.Error},
	} {
		t.Run(want.outcome, func(t *testing.T) {
			t.Parallel()
			o, spans, reader := setup(t)
			tenant := hmstype.NewID[hmstype.TenantID]()
			ctx, done := o.Begin(t.Context(), hmstype.UseCase{Operation: "pharmacy.dispense", Tenant: tenant, RequestID: "r1"})
			require.True(t, trace.SpanContextFromContext(ctx).IsValid(), "what the use case calls is under its span")
			done(hmstype.Outcome{Kind: kind, RoundTrips: 7, Duration: 2 * time.Second})

			require.Len(t, spans.GetSpans(), 1)
			span := spans.GetSpans()[0]
			require.Equal(t, "pharmacy.dispense", span.Name)
			require.Equal(t, want.status, span.Status.Code)
			attributes := map[string]string{}
			for _, a := range span.Attributes {
				attributes[string(a.Key)] = a.Value.String()
			}
			require.Equal(t, map[string]string{
				hmsotel.AttributeOperation: "pharmacy.dispense", hmsotel.AttributeOutcome: want.outcome,
				hmsotel.AttributeTenant:    tenant.String(),
				hmsotel.AttributeRequestID: "r1", hmsotel.AttributeRoundTrips: "7",
			}, attributes)

			var metrics metricdata.ResourceMetrics
			require.NoError(t, reader.Collect(context.Background(), &metrics))
			require.Len(t, metrics.ScopeMetrics, 1)
			sums := map[string]string{}
			for _, m := range metrics.ScopeMetrics[0].Metrics {
				switch data := m.Data.(type) {
				case metricdata.Histogram[float64]:
					require.Equal(t, 2, data.DataPoints[0].Attributes.Len(), "neither tenant nor request is a label")
					sums[m.Name] = fmt.Sprint(data.DataPoints[0].Sum)
				case metricdata.Histogram[int64]:
					sums[m.Name] = fmt.Sprint(data.DataPoints[0].Sum)
				}
			}
			require.Equal(t, map[string]string{hmsotel.MetricDuration: "2", hmsotel.MetricRoundTrips: "7"}, sums)
		})
	}
}

func ExampleNew() {
	observer, err := hmsotel.New(hmsotel.Config{}) // the process's global providers
	fmt.Println(observer != nil, err)
	// Output: true <nil>
}
