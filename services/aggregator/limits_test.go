package aggregator

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/fold"
	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

// lockedBuffer takes a log's lines from several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

func TestATenantNearALimitIsNamed(t *testing.T) {
	c := newCluster(t)
	log := &lockedBuffer{}
	a, err := New(Config{
		NATS: c.conn, Dir: c.dir, CheckpointInterval: 10 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
		Settings: Settings{
			Limits:  Limits{Sources: 5, Series: NoLimit, HistoryBytes: 1 << 20},
			Tenants: []TenantLimits{{Service: "farm", Subservice: "yard", Limits: Limits{Sources: 100}}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Start(soon(t)); err != nil {
		t.Fatal(err)
	}
	defer stopApp(t, a)
	frames := uint64(0)
	send := func(tenant schema.Tenant, nodes int) {
		t.Helper()
		frames++
		f := &schema.Frame{Writer: "w", Number: frames}
		for i := range nodes {
			f.Events = append(f.Events, schema.Event{Topic: foldtest.SporeTopic(tenant, "n"), Received: foldtest.Start, Payload: foldtest.SporeNode(fmt.Sprint("n", i), "z", 1, foldtest.Start)})
		}
		put(t, c.journal, f)
		eventually(t, func() error {
			if h := c.health(t); h.Checkpoint < frames {
				return fmt.Errorf("checkpoint %d of %d", h.Checkpoint, frames)
			}
			return nil
		})
	}
	line1, yard := schema.Tenant{Service: "factory", Subservice: "line1"}, schema.Tenant{Service: "farm", Subservice: "yard"}
	send(line1, 3)
	send(yard, 10)
	if h := c.health(t); len(h.Limits) > 0 {
		t.Errorf("limits: %q", h.Limits)
	}
	send(line1, 4)
	send(line1, 7)
	if diff := cmp.Diff([]string{"tenant factory/line1 has 5 sources of at most 5"}, c.health(t).Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
	eventually(t, func() error {
		if n := strings.Count(log.String(), "near a limit"); n != 1 {
			return fmt.Errorf("%d warnings:\n%s", n, log)
		}
		return nil
	})
	text := metricsText(a)
	for _, line := range []string{
		`weir_tenant_sources_limit{service="factory",subservice="line1"} 5` + "\n",
		`weir_tenant_sources_limit{service="farm",subservice="yard"} 100` + "\n",
		`weir_tenant_history_limit_bytes{service="factory",subservice="line1"} 1048576` + "\n",
		"weir_aggregator_history_rows_total 22\n",
		"weir_aggregator_series 255\n",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("%q is not in\n%s", line, text)
		}
	}
	if strings.Contains(text, "weir_tenant_series_limit") {
		t.Error("a limit that does not hold is shown")
	}
}

// naming brings names, a thousand an event, of a service that recorded them.
func naming(service string, from, to int) (events []schema.Event) {
	for ; from < to; from += 1000 {
		var samples []decode.RecordedSample
		for i := range 1000 {
			labels := []schema.Label{{Name: "__name__", Value: fmt.Sprint("job:", from+i)}, {Name: "service", Value: service}, {Name: "subservice", Value: "x"}}
			samples = append(samples, decode.RecordedSample{Labels: labels, Value: 1})
		}
		events = append(events, schema.Event{Topic: decode.RecordedTopic, Received: foldtest.Start, Route: schema.RouteRule, Payload: decode.EncodeRecorded(nil, foldtest.Start/1e6, samples, nil)})
	}
	return events
}

func TestNamesNearTheirLimitAreSaid(t *testing.T) {
	state := fold.New(fold.DefaultSettings())
	for n, test := range []struct {
		service  string
		from, to int
		want     []string
	}{
		{"a", 0, 15_000, nil},
		{"b", 15_000, 30_000, nil},
		{"c", 30_000, 45_000, nil},
		{"d", 45_000, 48_000, []string{"the journal has 48000 names of values of at most 60000"}},
		{"a", 48_000, 49_000, []string{"tenant a/x has 16000 names of values of at most 20000", "the journal has 49000 names of values of at most 60000"}},
	} {
		seq := uint64(n + 1)
		state.Apply(seq, &schema.Frame{Writer: "w", Number: seq, Events: naming(test.service, test.from, test.to)})
		var got []string
		for _, l := range nearLimits(state) {
			got = append(got, l.String())
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("near their limits with those of %s up to %d: %q, not %q", test.service, test.to, got, test.want)
		}
	}
}
