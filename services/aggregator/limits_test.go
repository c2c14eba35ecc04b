package aggregator

import (
	"fmt"
	"log/slog"
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
	if err := a.Start(t.Context()); err != nil {
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

func TestNamesNearTheirLimitAreSaid(t *testing.T) {
	state, frame := fold.New(fold.DefaultSettings()), &schema.Frame{Writer: "w", Number: 1}
	for n := 0; n < schema.MaxNames*8/10; n += 1000 {
		var samples []decode.RecordedSample
		for i := range 1000 {
			samples = append(samples, decode.RecordedSample{Labels: []schema.Label{{Name: "__name__", Value: fmt.Sprint("job:", n+i)}}, Value: 1})
		}
		frame.Events = append(frame.Events, schema.Event{Topic: decode.RecordedTopic, Received: foldtest.Start, Route: schema.RouteRule, Payload: decode.EncodeRecorded(nil, foldtest.Start/1e6, samples, nil)})
	}
	if state.Apply(1, frame); len(nearLimits(state)) != 1 || nearLimits(state)[0].String() != "the journal has 48000 names of values of at most 60000" {
		t.Errorf("near their limits: %v", nearLimits(state))
	}
}
