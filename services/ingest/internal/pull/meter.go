package pull

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Kind says what was pulled, for figures.
type Kind string

// The kinds.
const (
	KindScrape    Kind = "scrape"
	KindDataNode  Kind = "datamgmt"
	KindSpore     Kind = "spore"
	KindProbe     Kind = "probe"
	KindDiscovery Kind = "discovery" // targets that an HTTP server or files list
)

// Kinds lists the kinds, in order.
func Kinds() []Kind {
	return []Kind{KindScrape, KindDataNode, KindSpore, KindProbe, KindDiscovery}
}

// Outcome is what became of a pull.
type Outcome struct {
	Kind     Kind
	Target   string // for people: a URL without secrets
	At       time.Time
	Duration time.Duration
	Samples  int   // of a scrape
	Err      error // nil: it is up
	Limited  bool  // the target asked for patience: neither up nor down
}

// Counts are the figures of a kind.
type Counts struct {
	Pulls    uint64
	Failures uint64
	Limited  uint64 // refused with 429
	Samples  uint64
	Seconds  float64 // that all pulls took

	Targets int // now
	Down    int // of them, by their latest pull
}

// Figures are what was counted since the start.
type Figures struct {
	ByKind       map[Kind]Counts
	Events       uint64 // submitted and stored
	Bytes        uint64 // of their payloads
	SubmitErrors uint64 // events that could not be stored
	Reloads      uint64 // of the sources file, that changed what is pulled
	ReloadErrors uint64 // of the sources file, that were refused
	ReloadFailed bool   // the latest one was
}

// Status is how a target does.
type Status struct {
	Outcome
	Since time.Time // it is up, or down, since
	Pulls uint64
}

// Meter counts, and keeps the latest outcome of each target. It is safe for
// concurrent use.
type Meter struct {
	changed func(Outcome)

	mu      sync.Mutex
	figures Figures
	targets map[targetKey]*Status
}

type targetKey struct {
	kind   Kind
	target string
}

// NewMeter returns a meter. Changed, if not nil, is called when a target goes
// down or comes up, also when it is down from the beginning.
func NewMeter(changed func(Outcome)) *Meter {
	return &Meter{changed: changed, targets: map[targetKey]*Status{}, figures: Figures{ByKind: map[Kind]Counts{}}}
}

// Done notes an outcome.
func (m *Meter) Done(o Outcome) {
	if m.note(o) && m.changed != nil {
		m.changed(o)
	}
}

func (m *Meter) note(o Outcome) (news bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.figures.ByKind[o.Kind]
	c.Pulls++
	c.Samples += uint64(o.Samples)
	c.Seconds += o.Duration.Seconds()
	switch {
	case o.Limited:
		c.Limited++
	case o.Err != nil:
		c.Failures++
	}
	m.figures.ByKind[o.Kind] = c
	key := targetKey{o.Kind, o.Target}
	s, known := m.targets[key]
	if !known {
		s = &Status{Outcome: Outcome{Kind: o.Kind, Target: o.Target}, Since: o.At}
		m.targets[key] = s
	}
	s.Pulls++
	if o.Limited {
		return false
	}
	if news = (s.Err == nil) != (o.Err == nil); news {
		s.Since = o.At
	}
	s.Outcome = o
	return news
}

// Forget drops the latest outcome of a target that is not pulled any more.
func (m *Meter) Forget(kind Kind, target string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.targets, targetKey{kind, target})
}

func (m *Meter) sent(size int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		m.figures.SubmitErrors++
		return
	}
	m.figures.Events++
	m.figures.Bytes += uint64(size)
}

// Reloaded notes that the sources file was read anew.
func (m *Meter) Reloaded(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.figures.ReloadFailed = err != nil
	if err != nil {
		m.figures.ReloadErrors++
	} else {
		m.figures.Reloads++
	}
}

// Settled notes that a sources file that was refused is again the one in force.
func (m *Meter) Settled() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.figures.ReloadFailed = false
}

// Figures returns what was counted.
func (m *Meter) Figures() Figures {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.figures
	f.ByKind = map[Kind]Counts{}
	for _, k := range Kinds() {
		f.ByKind[k] = m.figures.ByKind[k]
	}
	for key, s := range m.targets {
		c := f.ByKind[key.kind]
		c.Targets++
		if s.Err != nil {
			c.Down++
		}
		f.ByKind[key.kind] = c
	}
	return f
}

// Targets returns how the targets do that were pulled, by kind and name.
func (m *Meter) Targets() []Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]Status, 0, len(m.targets))
	for _, s := range m.targets {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(a, b Status) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Target, b.Target))
	})
	return all
}
