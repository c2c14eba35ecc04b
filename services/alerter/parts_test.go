package alerter

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/journal"
	"weir/pkg/journal/journaltest"
	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/frame"
	"weir/services/alerter/internal/rule"
)

func TestManyRecordedSamplesAreSeveralEvents(t *testing.T) {
	memory := journaltest.NewMemory()
	c := journal.NewCommitter(journal.CommitterConfig[struct{}]{Appender: memory, Writer: "w", Stored: func([]journal.Entry[struct{}], uint64) {}})
	r := &recorder{c, time.Now}
	var samples []rule.Sample
	var ended []model.LabelSet
	for i := range 5000 {
		labels := model.LabelSet{"__name__": "job:x", "node": model.LabelValue(fmt.Sprintf("node-%05d", i)), "service": "s", "subservice": "p"}
		if i%2 == 0 {
			samples = append(samples, rule.Sample{Labels: labels, Value: float64(i)})
		} else {
			ended = append(ended, labels)
		}
	}
	at := time.UnixMilli(1_800_000_000_000)
	if err := r.Record(t.Context(), at, samples, ended); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	values, ends := 0, 0
	for _, e := range journaled(t, memory) {
		if len(e.Payload) > 2*recordedBytes {
			t.Errorf("an event of %d bytes", len(e.Payload))
		}
		topic, _ := decode.ParseRuleTopic(e.Topic)
		readings, rejection := decode.New().Decode(topic, e.Payload)
		if rejection != nil {
			t.Fatal(rejection.Detail)
		}
		for _, one := range readings {
			switch {
			case one.Time != at.UnixNano() || *one.Tenant != schema.Tenant{Service: "s", Subservice: "p"}:
				t.Fatalf("reading %+v", one)
			case one.Ended:
				ends++
			default:
				values++
			}
		}
	}
	if values != len(samples) || ends != len(ended) {
		t.Errorf("%d values, %d ends", values, ends)
	}
}

func journaled(t *testing.T, m *journaltest.Memory) (all []schema.Event) {
	t.Helper()
	b, err := m.Bounds(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r, err := m.Read(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for range b.Last {
		msg, err := r.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		f, err := frame.Decode(msg.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f.Events...)
	}
	return all
}

// stuck is a journal that takes nothing.
type stuck struct{}

func (stuck) Append(ctx context.Context, _ string, _ []byte, _ []schema.TenantCount) (uint64, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

func TestRecordingDoesNotWaitForAJournalThatIsStuck(t *testing.T) {
	c := journal.NewCommitter(journal.CommitterConfig[struct{}]{Appender: stuck{}, Writer: "w"})
	r := &recorder{c, time.Now}
	samples := make([]rule.Sample, 2000)
	for i := range samples {
		samples[i].Labels = model.LabelSet{"__name__": "job:x", "node": model.LabelValue(fmt.Sprintf("%0100d", i))}
	}
	var err error
	for range 1000 {
		if err = r.Record(t.Context(), time.Now(), samples, nil); err != nil {
			break
		}
	}
	if err != errJournalBehind {
		t.Errorf("error %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = c.Close(ctx)
}

func TestCountsAddUpUntilTheyTravel(t *testing.T) {
	var c counts
	a, b := schema.Tenant{Service: "a", Subservice: "p"}, schema.Tenant{Service: "b", Subservice: "p"}
	var wait sync.WaitGroup
	for range 10 {
		wait.Go(func() {
			c.Count(schema.Operations{Tenant: b, Counters: []schema.CounterDelta{{Counter: schema.OkActionSMS, Delta: 2}}})
			o := schema.Operations{Tenant: a, Counters: []schema.CounterDelta{{Counter: schema.IncomingErrors, Delta: 1}, {Counter: schema.FiredRules, Delta: 3}}}
			o.ServiceTime.Add(1000)
			c.Count(o)
		})
	}
	wait.Wait()
	all := c.drain()
	if len(all) != 2 || all[0].Tenant != a || !slices.Equal(all[0].Counters, []schema.CounterDelta{{Counter: schema.IncomingErrors, Delta: 10}, {Counter: schema.FiredRules, Delta: 30}}) {
		t.Errorf("%+v", all)
	}
	if all[0].ServiceTime.Count != 10 || all[1].Counters[0].Delta != 20 || len(c.drain()) != 0 {
		t.Errorf("%+v", all)
	}
}

func TestRuleFilesOfDirectories(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.yaml", "a.yml", "c.txt", "d/e.yml"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ruleFiles([]string{filepath.Join(dir, "c.txt"), dir, filepath.Join(dir, ".", "a.yml")})
	want := []string{filepath.Join(dir, "c.txt"), filepath.Join(dir, "a.yml"), filepath.Join(dir, "b.yaml")}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("files %v, %v", got, err)
	}
	if _, err := ruleFiles([]string{filepath.Join(dir, "nowhere")}); err == nil {
		t.Error("a path that is not there is no error")
	}
}

func TestTheFingerprintTellsAnyChange(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	c := Config{Rules: []string{dir}, AlertmanagerConfig: filepath.Join(dir, "routes")}
	seen := map[[32]byte]string{}
	is := func(what string) {
		fp := fingerprint(&c)
		if before, ok := seen[fp]; ok {
			t.Errorf("%s: as %s", what, before)
		}
		if seen[fp] = what; fingerprint(&c) != fp {
			t.Errorf("%s: it changes by itself", what)
		}
	}
	is("nothing")
	write("a.yml", "x")
	is("a rule file")
	write("a.yml", "y")
	is("another content")
	write("b.yml", "")
	is("an empty file")
	write("routes", "receivers: [{name: r}]\nroute: {receiver: r}\ntemplates: ['*.tmpl']\n")
	is("routes")
	write("x.tmpl", "{{ define \"x\" }}{{ end }}")
	is("a template")
	write("x.tmpl", "{{ define \"y\" }}{{ end }}")
	is("another template")
}
