package schema_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
	"weir/pkg/schema/wire"
)

type record interface {
	AppendBinary([]byte) []byte
	ReadBinary(*wire.Reader)
}

func TestRecordsComeBackAsTheyWere(t *testing.T) {
	tenant := schema.Tenant{Service: "factory", Subservice: "line1"}
	state := &schema.TenantState{Tenant: tenant, Received: 10, Applied: 7, Duplicate: 1, ClockSkewed: 3, Late: 4,
		LastRejected: 77, HistoryTooOld: 5, Sources: 6, Series: 7, HistoryBytes: 800}
	state.Rejected[schema.ReasonNotJSON] = 2
	state.Counters[schema.FailedActionTwitter] = 99
	tests := []struct {
		name        string
		full, empty record
	}{
		{"source", &schema.Source{Tenant: tenant, Kind: schema.KindTask, ID: "t", Parent: "p", Client: "c", FirstSeen: 1, LastSeen: 2,
			Presence: schema.PresenceAlive, PresenceSince: 3, LastAlive: 4, Readings: 5, ReadingTime: -6, ReadingSeen: 7,
			Dialect: schema.DialectD2, Clock: schema.ClockEpoch,
			Fields:     []schema.FieldValue{{Field: schema.TaskCPUPercent, Value: 12.25}, {Field: schema.TaskThreadCount, Value: 3}},
			Labels:     []schema.Label{{Name: "zone", Value: "zone-1"}},
			Attributes: []schema.Label{{Name: "namespace", Value: "default"}}}, &schema.Source{}},
		{"reading", &schema.StoredReading{Time: 5, Parent: "p", Dialect: schema.DialectD0, Clock: schema.ClockRFC3339,
			Dims:   []schema.Label{{Name: "core", Value: "0"}},
			Fields: []schema.FieldValue{{Field: schema.PropletCPUPercent, Value: 0.7}}}, &schema.StoredReading{}},
		{"dead letter", &schema.DeadLetter{Seq: 3, Reason: schema.ReasonBadNumber, Detail: "why", Tenant: tenant,
			Event: schema.Event{Topic: "t", Client: "c", Received: 9, Payload: []byte("\xff{"), PacketID: 65535, QoS: 2, Dup: true, Retain: true, Route: schema.RouteWill, Correlator: "c-1"}}, &schema.DeadLetter{}},
		{"rows head", &schema.RowsHead{Total: 300, Until: "1:1200,5:77"}, &schema.RowsHead{}},
		{"metadata", &schema.Metadata{Field: schema.FirstNamed + 2, Name: "up", Type: schema.Gauge, Help: "1 if it answers.", Unit: "s"}, &schema.Metadata{}},
		{"text", ptr(schema.Text("zone-ü")), ptr(schema.Text(""))},
		{"tenant", state, &schema.TenantState{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data := tt.full.AppendBinary(nil)
			r := wire.NewReader(data)
			tt.empty.ReadBinary(r)
			if err := r.Done(); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.full, tt.empty, cmp.AllowUnexported(schema.Summary{})); diff != "" {
				t.Errorf("record differs (-want +got):\n%s", diff)
			}
			for n := range data {
				r := wire.NewReader(data[:n])
				tt.empty.ReadBinary(r)
				if r.Done() == nil {
					t.Errorf("cut to %d of %d bytes it still reads", n, len(data))
				}
			}
		})
	}
}

func ptr[T any](v T) *T { return &v }

func TestTheTablesAreInOrderAndTheirNamesUnique(t *testing.T) {
	names := map[string]bool{}
	once := func(name string) {
		t.Helper()
		if name == "" || names[name] {
			t.Errorf("name %q is empty or there twice", name)
		}
		names[name] = true
	}
	last := schema.Field(0)
	for _, f := range schema.Fields {
		if f.Field <= last {
			t.Errorf("field %d stands behind %d", f.Field, last)
		}
		last = f.Field
		once(f.Name)
		if f.Help == "" || f.Path == "" {
			t.Errorf("%s has no help or path", f.Name)
		}
	}
	for i, c := range schema.Counters {
		if int(c.Counter) != i {
			t.Errorf("counter %d stands at %d", c.Counter, i)
		}
		once(c.Series)
		once(c.PerseoName)
	}
	for _, r := range schema.Reasons() {
		if got, ok := schema.ParseReason(r.String()); !ok || got != r {
			t.Errorf("reason %q comes back as %v", r, got)
		}
	}
}

func TestTenantNames(t *testing.T) {
	for name, want := range map[string]bool{"factory": true, "domain-1": true, "a.b_C9": true, "": false, "a/b": false, "a b": false, "+": false, "#": false, "ü": false} {
		if schema.ValidTenantName(name) != want {
			t.Errorf("ValidTenantName(%q) is %v", name, !want)
		}
	}
}

func TestKindsAreNamesInJSON(t *testing.T) {
	want := schema.SourcesRequest{Kinds: schema.Kinds(), ID: "x"}
	data, err := json.Marshal(want)
	if err != nil || string(data) != `{"kinds":["spore_node","proplet","proplet_task","datamgmt","recorded","device","target"],"id":"x"}` {
		t.Errorf("got %s, %v", data, err)
	}
	var got schema.SourcesRequest
	if err := json.Unmarshal(data, &got); err != nil || !cmp.Equal(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`{"kinds":["boat"]}`), &got); err == nil {
		t.Error("an unknown kind is taken")
	}
}
