package route

import (
	"cmp"
	"slices"
	"strings"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// known is what a router remembers of a state: what follows from the labels of
// an alert is worked out once in its life, what follows from all alerts once for
// each change of the state.
type known struct {
	state            *alert.State // of which it is
	number           uint64       // with so many events
	alerts, silenced int          // and so many alerts and silences

	members  map[alert.ID]*member
	silences silences
	buckets  map[bucketKey]*bucket
	active   []*bucket // those with alerts, by key
	round    uint64
}

// member is an alert as the router knows it.
type member struct {
	alert       *alert.Alert // its value and annotations may be old
	pairs       []pair       // its labels by name
	in          []*bucket    // one for each route that it goes to
	roles       []role
	fingerprint model.Fingerprint // if it has roles
	silences    []*silence        // that match it, whenever they are active
	compared    int               // with so many silences of the list
	round       uint64
	muted       Reason // why it is muted at the moment of the plan, "" if it is not
}

type pair struct{ name, value string }

// bucket is a group: the alerts of a route with the same group labels.
type bucket struct {
	node     *node
	key      string
	labels   model.LabelSet
	firing   []*member
	resolved []*member
	round    uint64
}

type bucketKey struct {
	node *node
	key  string
}

func newKnown() known {
	return known{members: map[alert.ID]*member{}, buckets: map[bucketKey]*bucket{},
		silences: silences{byID: map[string]*silence{}}}
}

// look makes what is known that of a state.
func (r *Router) look(s *alert.State) {
	k := &r.known
	if k.state == s && k.number == s.Number && k.alerts == len(s.Alerts) && k.silenced == len(s.Silences) {
		return
	}
	k.state, k.number, k.alerts, k.silenced = s, s.Number, len(s.Alerts), len(s.Silences)
	k.round++
	for _, b := range k.active {
		b.firing, b.resolved = b.firing[:0], b.resolved[:0]
	}
	k.active = k.active[:0]
	anew := k.silences.sync(s.Silences)
	for _, rule := range r.inhibit {
		rule.reset()
	}
	for id, a := range s.Alerts {
		m := k.members[id]
		if m == nil {
			m = r.newMember(a)
			k.members[id] = m
		}
		m.alert, m.round = a, k.round
		m.compare(&k.silences, anew)
		m.addSource()
		k.enter(m)
	}
	slices.SortFunc(k.active, func(a, b *bucket) int {
		return cmp.Or(strings.Compare(a.key, b.key), strings.Compare(a.node.id, b.node.id))
	})
	k.forget()
}

// newMember works out what follows from an alert's labels.
func (r *Router) newMember(a *alert.Alert) *member {
	m := &member{roles: roles(r.inhibit, a.Labels), pairs: make([]pair, 0, len(a.Labels))}
	for name, value := range a.Labels {
		m.pairs = append(m.pairs, pair{string(name), string(value)})
	}
	slices.SortFunc(m.pairs, func(a, b pair) int { return strings.Compare(a.name, b.name) })
	if len(m.roles) > 0 {
		m.fingerprint = a.Fingerprint()
	}
	for _, n := range r.root.match(a.Labels, nil) {
		m.in = append(m.in, r.known.bucket(n, n.groupLabels(a.Labels)))
	}
	return m
}

func (k *known) bucket(n *node, labels model.LabelSet) *bucket {
	key := bucketKey{n, n.key + ":" + labels.String()}
	b := k.buckets[key]
	if b == nil {
		b = &bucket{node: n, key: key.key, labels: labels}
		k.buckets[key] = b
	}
	return b
}

// compare compares the alert with the silences that it was not compared with.
func (m *member) compare(s *silences, anew bool) {
	if anew {
		m.compared, m.silences = 0, nil
	}
	for ; m.compared < len(s.list); m.compared++ {
		if one := s.list[m.compared]; !one.gone && one.matches(m.alert.Labels) {
			m.silences = append(m.silences, one)
		}
	}
}

// enter puts an alert into its groups. A pending one is in none.
func (k *known) enter(m *member) {
	for _, b := range m.in {
		b.round = k.round
		empty := len(b.firing)+len(b.resolved) == 0
		switch m.alert.Status {
		case alert.Firing:
			b.firing = append(b.firing, m)
		case alert.Resolved:
			b.resolved = append(b.resolved, m)
		default:
			continue
		}
		if empty {
			k.active = append(k.active, b)
		}
	}
}

// forget forgets the alerts and groups that are no more.
func (k *known) forget() {
	for id, m := range k.members {
		if m.round != k.round {
			delete(k.members, id)
		}
	}
	for key, b := range k.buckets {
		if b.round != k.round {
			delete(k.buckets, key)
		}
	}
}

// compareMembers orders as alert.Compare does, without sorting labels each time.
func compareMembers(a, b *member) int {
	if len(a.pairs) != len(b.pairs) {
		return cmp.Compare(len(a.pairs), len(b.pairs))
	}
	for i := range a.pairs {
		if a.pairs[i].name != b.pairs[i].name { // who lacks the lesser name is first
			return strings.Compare(b.pairs[i].name, a.pairs[i].name)
		}
		if c := strings.Compare(a.pairs[i].value, b.pairs[i].value); c != 0 {
			return c
		}
	}
	return cmp.Or(a.alert.ActiveAt.Compare(b.alert.ActiveAt), cmp.Compare(a.alert.ID, b.alert.ID))
}
