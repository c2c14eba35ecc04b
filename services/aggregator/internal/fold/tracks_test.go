package fold

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/prometheus/model/labels"

	"weir/services/aggregator/internal/foldtest"
	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// rows returns what a track has, newest first. Chunks must be pending still.
func rows(t *testing.T, v TrackView) (all []history.Row) {
	t.Helper()
	parts := history.Parts{MainLog: v.Main, LateLog: v.Late}
	for _, c := range v.Pending {
		chunk, err := history.OpenChunk(c.Data)
		if err != nil {
			t.Fatal(err)
		}
		if c.Late {
			parts.Late = append(parts.Late, chunk)
		} else {
			parts.Main = append(parts.Main, chunk)
		}
	}
	var decoder history.Decoder
	err := decoder.RowsDescending(&parts, func(r *history.Row) bool {
		row := *r
		row.Fields = slices.Clone(r.Fields)
		all = append(all, row)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// history returns the rows of a source, track by track and newest first: the
// seconds since the journal's start, and the CPU usage.
func (j *journal) history(t *testing.T, kind schema.Kind, id string) []string {
	t.Helper()
	var all []string
	tracks := j.SourceTracks(kind, id, schema.Tenant{})
	for _, v := range tracks {
		if len(tracks) > 1 {
			text := fmt.Sprint("track ", v.Number)
			for _, l := range v.Labels {
				if l.Name == "zone" || l.Name == "proplet_id" {
					text += " " + l.Value
				}
			}
			if v.Current {
				text += " current"
			}
			all = append(all, text)
		}
		for _, r := range rows(t, v) {
			text := fmt.Sprint((r.Time - foldtest.Start) / second)
			if r.End {
				text += " end"
			}
			for _, f := range r.Fields {
				switch f.Field {
				case schema.TaskCPUPercent, schema.PropletCPUPercent, schema.SporeCPUUsagePercent:
					text += fmt.Sprint(" cpu ", f.Value)
				}
			}
			all = append(all, text)
		}
	}
	return all
}

func node(zone string, cpu float64, own, received int64) schema.Event {
	return schema.Event{Topic: foldtest.SporeTopic(tenantA, "n"), Client: "c", Received: at(received), Payload: foldtest.SporeNode("n", zone, cpu, at(own))}
}

// bare is a node's message without labels.
func bare(cpu float64, own, received int64) schema.Event {
	e := node("", cpu, own, received)
	e.Payload = fmt.Appendf(nil, `{"hostname":"n","timestamp":%d,"cpu":{"usage_percent":%v}}`, at(own)/second, cpu)
	return e
}

func TestTracks(t *testing.T) {
	for _, test := range []struct {
		name   string
		events []schema.Event
		want   []string
	}{
		{"readings in order are one track", []schema.Event{node("a", 1, 0, 0), node("a", 2, 10, 10)}, []string{"10 cpu 2", "0 cpu 1"}},
		{"equal times are both kept, the later arrival first", []schema.Event{node("a", 1, 0, 0), node("a", 2, 0, 1)}, []string{"0 cpu 2", "0 cpu 1"}},
		{"another label ends the old track and begins another", []schema.Event{node("a", 1, 0, 0), node("b", 2, 10, 10)},
			[]string{"track 1 a", "10 end", "0 cpu 1", "track 2 b current", "10 cpu 2"}},
		{"the old label goes on in the old track", []schema.Event{node("a", 1, 0, 0), node("b", 2, 10, 10), node("a", 3, 20, 20)},
			[]string{"track 1 a current", "20 cpu 3", "10 end", "0 cpu 1", "track 2 b", "20 end", "10 cpu 2"}},
		{"a message without labels changes none", []schema.Event{node("a", 1, 0, 0), bare(2, 10, 10)}, []string{"10 cpu 2", "0 cpu 1"}},
		{"a late reading goes to the track of its labels and switches nothing", []schema.Event{node("a", 1, 0, 0), node("b", 2, 20, 20), node("a", 3, 10, 30)},
			[]string{"track 1 a", "20 end", "10 cpu 3", "0 cpu 1", "track 2 b current", "20 cpu 2"}},
		{"a late reading of unknown labels begins a track that is not the current one", []schema.Event{node("a", 1, 20, 20), node("b", 2, 10, 30)},
			[]string{"track 1 a current", "20 cpu 1", "track 2 b", "10 cpu 2"}},
		{"a late reading without labels goes to the current track", []schema.Event{node("a", 1, 0, 0), node("b", 2, 20, 20), bare(3, 10, 30)},
			[]string{"track 1 a", "20 end", "0 cpu 1", "track 2 b current", "20 cpu 2", "10 cpu 3"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			j.events(test.events...)
			if diff := cmp.Diff(test.want, j.history(t, schema.KindSporeNode, "n")); diff != "" {
				t.Errorf("history (-want +got):\n%s", diff)
			}
		})
	}
}

func TestASourceOfManyTracksFindsEach(t *testing.T) {
	j := journalWith(func(s *Settings) { s.Limits.Retention = 24 * time.Hour })
	const zones = 3 * fewTracks
	for round := range int64(2) {
		for zone := range int64(zones) {
			moment := (round*zones + zone) * 60
			j.events(node(fmt.Sprint("zone-", zone), 1, moment, moment))
		}
	}
	if views := j.SourceTracks(schema.KindSporeNode, "n", schema.Tenant{}); len(views) != zones || j.Meta().TracksEver != zones {
		t.Errorf("%d tracks, %d ever", len(views), j.Meta().TracksEver)
	}
	j.events(node("zone-7", 1, 20*hour, 20*hour), node("zone-7", 1, 40*hour, 40*hour), node("zone-8", 1, 41*hour, 41*hour))
	want := []string{"track 8 zone-7", "147600 end", "144000 cpu 1", "72000 cpu 1", "track 48 zone-47", "72000 end", "track 49 zone-8 current", "147600 cpu 1"}
	got := slices.DeleteFunc(j.history(t, schema.KindSporeNode, "n"), func(row string) bool {
		at, _ := strconv.Atoi(strings.Fields(row)[0])
		return at > 0 && at < 72000
	})
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("history since hour 20 (-want +got):\n%s", diff)
	}
}

func TestATaskOnAnotherPropletIsAnotherTrack(t *testing.T) {
	j := newJournal()
	moved := task(2, at(10), at(10))
	moved.Payload = foldtest.Task("t", "q", 2, at(10))
	j.events(task(1, at(0), at(0)), moved)
	want := []string{"track 1 p", "10 end", "0 cpu 1", "track 2 q current", "10 cpu 2"}
	if diff := cmp.Diff(want, j.history(t, schema.KindTask, "t")); diff != "" {
		t.Errorf("history (-want +got):\n%s", diff)
	}
}

func TestAControlMessageIsNoRow(t *testing.T) {
	j := newJournal()
	j.events(alive(at(0)), schema.Event{Topic: foldtest.CreateTopic(tenantA), Client: "c", Received: at(20), Payload: foldtest.Create("p", "lab")})
	if got := j.SourceTracks(schema.KindProplet, "p", schema.Tenant{}); len(got) != 0 {
		t.Errorf("tracks: %+v", got)
	}
}

func TestLogsAreSealed(t *testing.T) {
	many := func(n int, step int64) (events []schema.Event) {
		for i := range int64(n) {
			events = append(events, node("a", float64(i), i*step, i*step))
		}
		return events
	}
	late := many(2, 100_000)
	for i := range int64(history.ChunkRows) {
		late = append(late, node("a", 1, 99_999-i*600, 100_001+i))
	}
	for _, test := range []struct {
		name   string
		events []schema.Event
		chunks []string
		main   int
		late   int
	}{
		{"a log that is not full stays open", many(history.ChunkRows-1, 10), nil, history.ChunkRows - 1, 0},
		{"a full log is a chunk", many(history.ChunkRows, 10), []string{"main 1: 0 to 1190"}, 0, 0},
		{"another bucket of time begins another chunk", many(4, 10_000), []string{"main 1: 0 to 10000"}, 2, 0},
		{"late rows are sealed on their own, a chunk a bucket", late,
			[]string{"main 1: 0 to 0", "late 2: 28599 to 31599", "late 3: 32199 to 53199", "late 4: 53799 to 74799", "late 5: 75399 to 96399", "late 6: 96999 to 99999"}, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			j := newJournal()
			j.events(test.events...)
			v := j.SourceTracks(schema.KindSporeNode, "n", schema.Tenant{})[0]
			var got []string
			bytes := uint64(0)
			for _, c := range v.Pending {
				class := "main"
				if c.Late {
					class = "late"
				}
				got = append(got, fmt.Sprintf("%s %d: %d to %d", class, c.Seq, (c.Min-foldtest.Start)/second, (c.Max-foldtest.Start)/second))
				bytes += uint64(len(c.Data))
			}
			if diff := cmp.Diff(test.chunks, got); diff != "" {
				t.Errorf("chunks (-want +got):\n%s", diff)
			}
			if v.Main.Len() != test.main || v.Late.Len() != test.late || len(rows(t, v)) != len(test.events) {
				t.Errorf("%d main and %d late rows are open, %d are there in all", v.Main.Len(), v.Late.Len(), len(rows(t, v)))
			}
			if there := j.tenant(t, tenantA).HistoryBytes; there != bytes || j.PendingBytes() < int(bytes) {
				t.Errorf("%d bytes of history, %d pending; the chunks have %d", there, j.PendingBytes(), bytes)
			}
			j.Committed(j.Meta())
			if left := j.SourceTracks(schema.KindSporeNode, "n", schema.Tenant{})[0]; len(left.Pending) != 0 || j.PendingBytes() != 0 {
				t.Errorf("%d chunks, %d bytes pending after the checkpoint", len(left.Pending), j.PendingBytes())
			}
			if len(v.Pending) != len(test.chunks) {
				t.Error("the view changed with the state")
			}
		})
	}
}

func TestLabelsOfSeries(t *testing.T) {
	own := func(pairs ...string) (all []schema.Label) {
		for i := 0; i < len(pairs); i += 2 {
			all = append(all, schema.Label{Name: pairs[i], Value: pairs[i+1]})
		}
		return all
	}
	full := schema.Tenant{Service: "s", Subservice: "u"}
	for _, test := range []struct {
		name   string
		kind   schema.Kind
		tenant schema.Tenant
		parent string
		own    []schema.Label
		dims   []schema.Label
		want   string
	}{
		{"a node has its tenant and its name", schema.KindSporeNode, full, "", nil, nil, "node=x service=s subservice=u"},
		{"a tenant without a subservice has no such label", schema.KindSporeNode, schema.Tenant{Service: "s"}, "", nil, nil, "node=x service=s"},
		{"a proplet is a proplet_id", schema.KindProplet, full, "", nil, nil, "proplet_id=x service=s subservice=u"},
		{"a task has its proplet too", schema.KindTask, full, "p", nil, nil, "proplet_id=p service=s subservice=u task_id=x"},
		{"a task of no proplet has none", schema.KindTask, full, "", nil, nil, "service=s subservice=u task_id=x"},
		{"a source's labels stand among them", schema.KindSporeNode, full, "", own("version", "1.0", "zone", "a"), nil, "node=x service=s subservice=u version=1.0 zone=a"},
		{"an empty value is no label", schema.KindSporeNode, full, "", own("zone", ""), nil, "node=x service=s subservice=u"},
		{"what is no name becomes one", schema.KindSporeNode, full, "", own("", "e", "1st", "f", "my-zone", "g"), nil, "_=e _st=f my_zone=g node=x service=s subservice=u"},
		{"a label of ours is not overwritten", schema.KindSporeNode, full, "", own("node", "y", "service", "z"), nil, "exported_node=y exported_service=z node=x service=s subservice=u"},
		{"another kind's identity is no label of ours", schema.KindSporeNode, full, "", own("task_id", "y"), nil, "node=x service=s subservice=u task_id=y"},
		{"reserved names are not used", schema.KindSporeNode, full, "", own("__name__", "y"), nil, "exported___name__=y node=x service=s subservice=u"},
		{"names that become the same stay apart", schema.KindSporeNode, full, "", own("a-b", "1", "a.b", "2", "a_b", "3"), nil, "a_b=1 exported_a_b=2 exported_exported_a_b=3 node=x service=s subservice=u"},
		{"dimensions stand among them", schema.KindDevice, full, "", own("zone", "a"), own("core", "0"), "core=0 device=x service=s subservice=u zone=a"},
		{"a dimension does not overwrite what the series has", schema.KindDevice, full, "", own("zone", "a"), own("device", "y", "service", "z", "zone", "b"), "device=x exported_device=y exported_service=z exported_zone=b service=s subservice=u zone=a"},
		{"what is recorded has its dimensions only", schema.KindRecorded, schema.Tenant{}, "", nil, own("device", "y", "node", "n", "ü.x", "z"), "device=y node=n ü.x=z"},
		{"a target has its own and its text's labels as they are", schema.KindTarget, full, "", own("instance", "i", "job", "j"), own("device", "y", "job", "k", "ü.x", "z"), "device=y exported_job=k instance=i job=j service=s subservice=u ü.x=z"},
		{"and its tenant if it has one", schema.KindRecorded, full, "", nil, own("zone", "a"), "service=s subservice=u zone=a"},
	} {
		t.Run(test.name, func(t *testing.T) {
			src := &source{Source: schema.Source{Tenant: test.tenant, Kind: test.kind, ID: "x"}}
			var got []string
			for _, l := range seriesLabels(&track{source: src, strand: &strand{source: src, dims: test.dims}, parent: test.parent, labels: test.own}) {
				got = append(got, l.Name+"="+l.Value)
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeriesAreSelected(t *testing.T) {
	j := newJournal()
	j.events(node("a", 1, 0, 0), node("b", 2, 100, 100), task(1, at(0), at(100)))
	match := func(name, value string) *labels.Matcher {
		return labels.MustNewMatcher(labels.MatchRegexp, name, value)
	}
	for _, test := range []struct {
		name     string
		matchers []*labels.Matcher
		from, to int64
		want     []string
	}{
		{"by name", []*labels.Matcher{match("__name__", "spore_node_cpu_usage_percent")}, 0, 200, []string{"1 [101]", "2 [101]"}},
		{"by name and label", []*labels.Matcher{match("__name__", ".*_cpu_usage_percent"), match("zone", "b|")}, 0, 200, []string{"2 [101]", "3 [300]"}},
		{"by time", []*labels.Matcher{match("__name__", ".*_cpu_usage_percent")}, 0, 50, []string{"1 [101]", "3 [300]"}},
		{"the end of a track is part of it", []*labels.Matcher{match("zone", "a"), match("__name__", "spore_node_cpu_.*percent")}, 100, 200, []string{"1 [101]"}},
		{"nothing", []*labels.Matcher{match("zone", "c")}, 0, 200, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, m := range j.SelectTracks(test.matchers, at(test.from), at(test.to)) {
				got = append(got, fmt.Sprint(m.Number, " ", m.Matched))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("tracks (-want +got):\n%s", diff)
			}
		})
	}
}
