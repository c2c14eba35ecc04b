package simulate

import (
	"slices"
	"strings"
	"sync/atomic"

	"weir/devices/simulate/internal/fleet"
	"weir/devices/simulate/internal/mqtt"
)

// Counts are what became of messages.
type Counts struct {
	Sent         uint64 `json:"sent"`         // handed to the broker, each once, however often it had to be sent
	Acknowledged uint64 `json:"acknowledged"` // without a reason against it
	Refused      uint64 `json:"refused"`      // with a reason code of failure: only MQTT 5 has one
	Denied       uint64 `json:"denied"`       // of these, for another reason than the payload: a server keeps none of them
	Malformed    uint64 `json:"malformed"`    // of those answered and not denied, how many were malformed on purpose
	Again        uint64 `json:"again"`        // sent again after a connection broke
	Dropped      uint64 `json:"dropped"`      // given up by the device, since it had no connection for too long
}

func (c *Counts) add(d Counts) {
	c.Sent += d.Sent
	c.Acknowledged += d.Acknowledged
	c.Refused += d.Refused
	c.Denied += d.Denied
	c.Malformed += d.Malformed
	c.Again += d.Again
	c.Dropped += d.Dropped
}

// Unsettled is how many were sent and not answered. At QoS 0 that is all.
func (c *Counts) Unsettled() uint64 { return c.Sent - c.Acknowledged - c.Refused }

// Row is the counts of a tenant's messages of a kind.
type Row struct {
	Tenant Tenant `json:"tenant"`
	Kind   string `json:"kind"`
	Counts
}

// counter counts one row.
type counter struct {
	tenant Tenant
	kind   fleet.Kind

	sent, acknowledged, refused, denied, malformed, again, dropped atomic.Uint64
}

func (c *counter) counts() Counts {
	// Answers are read before what they answer, so that none are too many.
	settled := Counts{Malformed: c.malformed.Load(), Denied: c.denied.Load(), Acknowledged: c.acknowledged.Load(), Refused: c.refused.Load()}
	settled.Sent, settled.Again, settled.Dropped = c.sent.Load(), c.again.Load(), c.dropped.Load()
	return settled
}

// ledger holds the counters. A message's tag is the counter's place, twice, and
// one more if it is malformed.
type ledger struct {
	rows   []*counter
	places map[string]int // by tenant and kind
	wills  map[Tenant]*atomic.Uint64
	asked  map[Tenant]*atomic.Uint64
}

// kinds are all kinds of messages that are published.
var kinds = []fleet.Kind{
	fleet.KindNode, fleet.KindESP8266, fleet.KindCreate, fleet.KindAlive, fleet.KindProplet, fleet.KindTask,
	fleet.KindBoard, fleet.KindHealth, fleet.KindStats,
}

func newLedger(tenants []Tenant) *ledger {
	l := &ledger{places: map[string]int{}, wills: map[Tenant]*atomic.Uint64{}, asked: map[Tenant]*atomic.Uint64{}}
	for _, t := range tenants {
		if l.wills[t] != nil {
			continue
		}
		l.wills[t], l.asked[t] = new(atomic.Uint64), new(atomic.Uint64)
		for _, k := range kinds {
			l.places[place(t, k)] = len(l.rows)
			l.rows = append(l.rows, &counter{tenant: t, kind: k})
		}
	}
	return l
}

func place(t Tenant, k fleet.Kind) string { return t.String() + " " + string(k) }

func (l *ledger) tag(t Tenant, m *fleet.Message) int {
	tag := 2 * l.places[place(t, m.Kind)]
	if m.Malformed {
		tag++
	}
	return tag
}

// Reason codes of MQTT 5 (section 2.4).
const (
	firstFailure   = 0x80
	payloadInvalid = 0x99
)

// observer counts what clients report.
func (l *ledger) observer() mqtt.Observer {
	return mqtt.Observer{
		Sent: func(m *mqtt.Message, again bool) {
			if again {
				l.rows[m.Tag/2].again.Add(1)
			} else {
				l.rows[m.Tag/2].sent.Add(1)
			}
		},
		Settled: func(m *mqtt.Message, reason byte) {
			row := l.rows[m.Tag/2]
			denied := reason >= firstFailure && reason != payloadInvalid
			if reason >= firstFailure {
				row.refused.Add(1)
			} else {
				row.acknowledged.Add(1)
			}
			if denied {
				row.denied.Add(1)
			} else if m.Tag%2 == 1 {
				row.malformed.Add(1)
			}
		},
		Dropped: func(m *mqtt.Message) { l.rows[m.Tag/2].dropped.Add(1) },
	}
}

// table returns the rows that have anything in them, by tenant.
func (l *ledger) table() []Row {
	var rows []Row
	for _, c := range l.rows {
		if counts := c.counts(); counts != (Counts{}) {
			rows = append(rows, Row{c.tenant, string(c.kind), counts})
		}
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return strings.Compare(a.Tenant.String(), b.Tenant.String()) })
	return rows
}

func (l *ledger) sum() Counts {
	var sum Counts
	for _, c := range l.rows {
		sum.add(c.counts())
	}
	return sum
}

// Account is what a tenant's account at the server has to say, if it had no
// other devices and counted everything once.
type Account struct {
	Tenant Tenant `json:"tenant"`
	// Received is at the least how many messages the server has received: those
	// that it answered. What it received twice, Again at the most, comes to it as
	// duplicates.
	Received uint64 `json:"received"`
	Rejected uint64 `json:"rejected"` // of these, how many it rejected
	// Wills is how many wills of proplets it received besides, at the most: it
	// publishes none of a proplet that is back before it missed it.
	Wills uint64 `json:"wills"`
	Again uint64 `json:"again"`
	// Asked is how often boards and DataMgmt nodes were asked over HTTP. A server
	// that asks receives so many besides, answers or the failure to get one.
	Asked   uint64 `json:"asked"`
	Unknown uint64 `json:"unknown"` // messages besides whose answer never came: it may have them or not
}

func (l *ledger) accounts() []Account {
	var accounts []Account
	for t, wills := range l.wills {
		a := Account{Tenant: t, Wills: wills.Load(), Asked: l.asked[t].Load()}
		for _, c := range l.rows {
			if c.tenant == t {
				n := c.counts()
				a.Received += n.Acknowledged + n.Refused - n.Denied
				a.Rejected += n.Malformed
				a.Again += n.Again
				a.Unknown += n.Unsettled()
			}
		}
		accounts = append(accounts, a)
	}
	slices.SortFunc(accounts, func(a, b Account) int { return strings.Compare(a.Tenant.String(), b.Tenant.String()) })
	return accounts
}
