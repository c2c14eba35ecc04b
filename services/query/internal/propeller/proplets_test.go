package propeller_test

import (
	"testing"
	"time"

	"weir/pkg/golden"
	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/propeller"
)

var (
	now    = time.Date(2026, 1, 2, 3, 4, 30, 0, time.UTC)
	line1  = schema.Tenant{Service: "factory", Subservice: "line1"}
	garden = schema.Tenant{Service: "garden", Subservice: "bed"}
)

const heartbeat = 10 * time.Second

func ago(d time.Duration) int64 { return now.Add(-d).UnixNano() }

// fleet is two proplets, one of the same id elsewhere, and their tasks.
func fleet() []*schema.Source {
	task := func(tenant schema.Tenant, id, parent string, silent time.Duration) *schema.Source {
		return &schema.Source{Tenant: tenant, Kind: schema.KindTask, ID: id, Parent: parent, LastSeen: ago(silent)}
	}
	return []*schema.Source{
		{Tenant: line1, Kind: schema.KindProplet, ID: "b1a2", Presence: schema.PresenceAlive,
			LastSeen: ago(20 * time.Second), LastAlive: ago(24*time.Second + 999_993_211), // 2026-01-02T03:04:05.000006789Z
			Attributes: []schema.Label{
				{Name: "metadata", Value: `{"description": "x", "tags": ["edge"], "total_memory_bytes": 8000000000}`},
				{Name: "namespace", Value: "default"}}},
		{Tenant: line1, Kind: schema.KindProplet, ID: "a0", Presence: schema.PresenceOffline,
			LastSeen: ago(time.Second), LastAlive: ago(2 * time.Second),
			Attributes: []schema.Label{{Name: "name", Value: "the first"}}},
		task(line1, "t1", "b1a2", time.Second),
		task(line1, "t2", "b1a2", propeller.TaskSilence),
		task(line1, "t3", "b1a2", propeller.TaskSilence+time.Nanosecond),
		task(line1, "t4", "a0", time.Second),
		{Tenant: garden, Kind: schema.KindProplet, ID: "b1a2", LastSeen: ago(time.Second)},
		task(garden, "t1", "b1a2", time.Second),
	}
}

func TestProplets(t *testing.T) {
	views := propeller.Proplets(fleet(), now, heartbeat)
	latest, _ := propeller.Latest(views[1:])
	for file, got := range map[string][]byte{
		"proplets.json":          propeller.AppendProplets(nil, params.Page{Limit: 100}, views),
		"proplets-second.json":   propeller.AppendProplets(nil, params.Page{Offset: 1, Limit: 1}, views),
		"proplets-active.json":   propeller.AppendProplets(nil, params.Page{Limit: 100}, propeller.WithStatus(views, propeller.Active)),
		"proplets-inactive.json": propeller.AppendProplets(nil, params.Page{Limit: 1}, propeller.WithStatus(views, propeller.Inactive)),
		"proplets-empty.json":    propeller.AppendProplets(nil, params.Page{Offset: 3, Limit: 100}, nil),
		"proplet-view.json":      propeller.AppendProplet(nil, views[1]),
		"proplet-latest.json":    propeller.AppendProplet(nil, latest),
	} {
		golden.JSON(t, file, got)
	}
}

func TestLatestOfNoProplet(t *testing.T) {
	if p, ok := propeller.Latest(nil); ok {
		t.Errorf("it found %+v", p)
	}
}

func TestAlive(t *testing.T) {
	for name, row := range map[string]struct {
		presence schema.Presence
		silent   time.Duration
		want     bool
	}{
		"heard of just now":                             {schema.PresenceAlive, 0, true},
		"silent for 2.5 heartbeats exactly":             {schema.PresenceAlive, 25 * time.Second, true},
		"silent for longer than 2.5 heartbeats":         {schema.PresenceAlive, 25*time.Second + 1, false},
		"its will was published":                        {schema.PresenceOffline, 0, false},
		"it said itself that it goes":                   {schema.PresenceLeft, 0, false},
		"its client went away":                          {schema.PresenceDisconnected, 0, false},
		"nothing is known of it":                        {schema.PresenceUnknown, 0, false},
		"our clock is behind the one that received it":  {schema.PresenceAlive, -time.Second, true},
		"it was heard of before the service's last run": {schema.PresenceAlive, 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := &schema.Source{Kind: schema.KindProplet, Presence: row.presence, LastAlive: ago(row.silent)}
			if got := propeller.Proplets([]*schema.Source{s}, now, heartbeat)[0].Alive; got != row.want {
				t.Errorf("alive = %v, want %v", got, row.want)
			}
		})
	}
}

func TestMetadataIsAlwaysAnObject(t *testing.T) {
	for text, want := range map[string]string{
		``:                 `{}`,
		`{"a" : [1, 2]}`:   `{"a":[1,2]}`,
		` {} `:             `{}`,
		`[1]`:              `{}`,
		`null`:             `{}`,
		`"text"`:           `{}`,
		`{"a":`:            `{}`,
		`{"a":1} {"b":2}`:  `{}`,
		"{\"a\":\"\xff\"}": "{\"a\":\"\uFFFD\"}",
	} {
		s := &schema.Source{Kind: schema.KindProplet, Attributes: []schema.Label{{Name: "metadata", Value: text}}}
		if got := string(propeller.Proplets([]*schema.Source{s}, now, heartbeat)[0].Metadata); got != want {
			t.Errorf("metadata %q becomes %s, want %s", text, got, want)
		}
	}
}
