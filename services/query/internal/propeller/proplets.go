package propeller

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
	"weir/services/query/internal/params"
)

// MissedHeartbeats is how many heartbeat intervals a proplet may be silent and
// still be alive. Propeller's manager allows one, and its view flaps.
const MissedHeartbeats = 2.5

// TaskSilence is how long a task may be silent and still count among its
// proplet's: 2.5 times 120 s, the longest interval of Propeller's monitoring
// profiles. Proplets do not say that a task has ended.
const TaskSilence = 5 * time.Minute

// Proplet is the view of a proplet.
type Proplet struct {
	ID        string
	Name      string // as its registration gives it, else the id
	TaskCount int    // tasks heard of within TaskSilence
	Alive     bool
	LastAlive int64           // unix nanoseconds, 0 if it never said so
	Metadata  json.RawMessage // its registration's object, or {}
	Namespace string
	Tenant    schema.Tenant

	seen int64
}

// Proplets returns the views of the proplets among sources, by id, then tenant.
// The tasks among sources are counted with the proplet of their own tenant that
// they name. A proplet is alive while its last word was not a goodbye (a will,
// a disconnect) and is at most MissedHeartbeats × heartbeat old.
func Proplets(sources []*schema.Source, now time.Time, heartbeat time.Duration) []Proplet {
	tasks := countTasks(sources, now)
	var views []Proplet
	for _, s := range sources {
		if s.Kind != schema.KindProplet {
			continue
		}
		views = append(views, Proplet{
			ID: s.ID, Name: cmp.Or(s.Attribute("name"), s.ID),
			TaskCount: tasks[propletKey{s.Tenant, s.ID}],
			Alive:     alive(s, now, heartbeat), LastAlive: s.LastAlive,
			Metadata: metadata(s.Attribute("metadata")), Namespace: s.Attribute("namespace"),
			Tenant: s.Tenant, seen: s.LastSeen,
		})
	}
	slices.SortFunc(views, func(a, b Proplet) int {
		if c := strings.Compare(a.ID, b.ID); c != 0 {
			return c
		}
		return a.Tenant.Compare(b.Tenant)
	})
	return views
}

type propletKey struct {
	tenant schema.Tenant
	id     string
}

func countTasks(sources []*schema.Source, now time.Time) map[propletKey]int {
	counts := map[propletKey]int{}
	oldest := now.Add(-TaskSilence).UnixNano()
	for _, s := range sources {
		if s.Kind == schema.KindTask && s.LastSeen >= oldest {
			counts[propletKey{s.Tenant, s.Parent}]++
		}
	}
	return counts
}

func alive(s *schema.Source, now time.Time, heartbeat time.Duration) bool {
	silence := time.Duration(MissedHeartbeats * float64(heartbeat))
	return s.Presence == schema.PresenceAlive && now.UnixNano()-s.LastAlive <= int64(silence)
}

// metadata returns text if it is a JSON object, without white space, else {}.
func metadata(text string) json.RawMessage {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(strings.ToValidUTF8(text, "\uFFFD"))); err != nil || compact.Bytes()[0] != '{' {
		return json.RawMessage("{}")
	}
	return compact.Bytes()
}

// Latest returns the view of the proplet that was heard of last, of those that
// have the same id in several tenants; false if there is none.
func Latest(views []Proplet) (Proplet, bool) {
	if len(views) == 0 {
		return Proplet{}, false
	}
	return slices.MaxFunc(views, func(a, b Proplet) int { return cmp.Compare(a.seen, b.seen) }), true
}

// The statuses by which proplets are listed.
const (
	Active   = "active"
	Inactive = "inactive"
)

// WithStatus returns the views with a status, Active or Inactive; all for "".
func WithStatus(views []Proplet, status string) []Proplet {
	if status == "" {
		return views
	}
	return slices.DeleteFunc(slices.Clone(views), func(p Proplet) bool { return p.Alive != (status == Active) })
}

// AppendProplets appends the answer of GET /proplets and a newline: the part of
// views that the page asks for, its Total being their number.
//
//	{"offset": …, "limit": …, "total": …, "proplets": [view…]}
func AppendProplets(b []byte, page params.Page, views []Proplet) []byte {
	page.Total = uint64(len(views))
	b = page.Append(append(b, '{'))
	b = append(jsonappend.Key(b, "proplets"), '[')
	from, to := page.Bounds(len(views))
	for i := range views[from:to] {
		b = views[from+i].append(jsonappend.Comma(b))
	}
	return append(b, "]}\n"...)
}

// AppendProplet appends the answer of GET /proplets/{id} and a newline:
//
//	{"id", "name", "task_count", "alive", "last_alive_at": RFC 3339, UTC,
//	 "metadata": {…}, "namespace", "service", "subservice"}
//
// last_alive_at is absent for a proplet that never said that it is alive. The
// last three are ours.
func AppendProplet(b []byte, p Proplet) []byte { return append(p.append(b), '\n') }

func (p *Proplet) append(b []byte) []byte {
	b = jsonappend.Field(append(b, '{'), "id", p.ID)
	b = jsonappend.Field(b, "name", p.Name)
	b = jsonappend.Int(b, "task_count", int64(p.TaskCount))
	b = jsonappend.Bool(b, "alive", p.Alive)
	if p.LastAlive != 0 {
		b = jsonappend.Field(b, "last_alive_at", stamp(p.LastAlive))
	}
	b = append(jsonappend.Key(b, "metadata"), p.Metadata...)
	b = jsonappend.Field(b, "namespace", p.Namespace)
	b = jsonappend.Field(b, "service", p.Tenant.Service)
	b = jsonappend.Field(b, "subservice", p.Tenant.Subservice)
	return append(b, '}')
}
