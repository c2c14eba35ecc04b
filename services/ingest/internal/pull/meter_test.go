package pull

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
)

func TestTheMeterTellsWhatIsNews(t *testing.T) {
	var news []string
	m := NewMeter(func(o Outcome) { news = append(news, fmt.Sprint(o.Target, " ", o.Err)) })
	at := time.Unix(100, 0)
	down := errors.New("down")
	for i, err := range []error{nil, nil, down, down, nil} {
		m.Done(Outcome{Kind: KindScrape, Target: "a", At: at.Add(time.Duration(i) * time.Second), Err: err, Duration: time.Second, Samples: 2})
	}
	m.Done(Outcome{Kind: KindDataNode, Target: "b", At: at, Err: down})
	m.Done(Outcome{Kind: KindDataNode, Target: "b", At: at, Limited: true})
	m.Done(Outcome{Kind: KindProbe, Target: "c", At: at})
	if diff := cmp.Diff([]string{"a down", "a <nil>", "b down"}, news); diff != "" {
		t.Error(diff)
	}
	got := ""
	for _, s := range m.Targets() {
		got += fmt.Sprintf("%s %s %v since %d, %d pulls\n", s.Kind, s.Target, s.Err, s.Since.Unix(), s.Pulls)
	}
	if want := "datamgmt b down since 100, 2 pulls\nprobe c <nil> since 100, 1 pulls\nscrape a <nil> since 104, 5 pulls\n"; got != want {
		t.Errorf("got\n%s", got)
	}
	m.Forget(KindScrape, "a")
	if n := len(m.Targets()); n != 2 {
		t.Errorf("%d targets", n)
	}
	want := map[Kind]Counts{KindScrape: {Pulls: 5, Failures: 2, Samples: 10, Seconds: 5}, KindDataNode: {Pulls: 2, Failures: 1, Limited: 1, Targets: 1, Down: 1},
		KindProbe: {Pulls: 1, Targets: 1}, KindSpore: {}, KindDiscovery: {}}
	if diff := cmp.Diff(want, m.Figures().ByKind); diff != "" {
		t.Error(diff)
	}
}

func TestSendCountsWhatIsStored(t *testing.T) {
	var got schema.Event
	full := false
	e := Env{Submit: func(_ context.Context, e schema.Event, tenant schema.Tenant) error {
		if full {
			return errors.New("full")
		}
		got = e
		return nil
	}}.Complete()
	topic := pulltopic.Topic{Kind: pulltopic.Spore, Tenant: schema.Tenant{Service: "s", Subservice: "t"}, Name: "g"}
	if err := e.SendReport(t.Context(), &topic, "h:80", time.Unix(5, 7), pulltopic.Report{Up: true}, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	want := schema.Event{Topic: "/spore?gateway=g&service=s&subservice=t", Client: "h:80", Received: 5_000_000_007,
		Payload: []byte("# weir-scrape up=1 duration=0\n{}"), Route: schema.RoutePull}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	full = true
	if err := e.Send(t.Context(), &topic, "h:80", time.Unix(5, 7), nil); err == nil {
		t.Error("no error")
	}
	if f := e.Meter.Figures(); f.Events != 1 || f.SubmitErrors != 1 || f.Bytes != uint64(len(want.Payload)) {
		t.Errorf("%+v", f)
	}
}

func TestWatchTellsOnceWhenItIsQuiet(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	const settle = 50 * time.Millisecond
	var told atomic.Int32
	began := time.Now()
	if err := Watch(t.Context(), []string{file}, settle, func() { told.Add(1) }); err != nil {
		t.Fatal(err)
	}
	for i := range 20 {
		other := filepath.Join(dir, "new")
		if err := os.WriteFile(other, []byte(fmt.Sprint(i)), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(other, file); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a change is told", func() bool { return told.Load() > 0 })
	// On a slow machine it may be quiet between two writes, but no more often than
	// there was time for.
	if n, took := told.Load(), time.Since(began); time.Duration(n) > 1+took/settle {
		t.Errorf("it was told %d times in %s", n, took)
	}
	if err := Watch(t.Context(), []string{"/no/such/directory/file"}, time.Second, nil); err == nil {
		t.Error("a directory that is not there is watched")
	}
}
