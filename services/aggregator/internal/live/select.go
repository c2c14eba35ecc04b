package live

import (
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
)

// Selection is what matchers select of the live series. It is for one goroutine
// at a time.
type Selection struct {
	names nameSet

	service, subservice []*labels.Matcher
	kind, field, reason []*labels.Matcher
	ofSource            []*labels.Matcher // of labels that only sources can have
	ofTenant            []*labels.Matcher // of labels that no tenant's series have

	named, all []schema.Label // scratch
}

// anyOther is a name that no series has.
const anyOther = "_"

// Select returns what matchers select, nil for nothing. It takes matchers of
// __name__ that mean some names to select any: who asks for all series, of a
// tenant or at all, asks for history.
func Select(ms []*labels.Matcher) *Selection {
	if matchesName(ms, anyOther) {
		return nil
	}
	return SelectAny(ms)
}

// SelectAny is Select, but that it need not be names that are asked for.
func SelectAny(ms []*labels.Matcher) *Selection {
	s := &Selection{}
	for _, m := range ms {
		switch m.Name {
		case schema.MetricNameLabel:
		case "service":
			s.service = append(s.service, m)
		case "subservice":
			s.subservice = append(s.subservice, m)
		case schema.LiveKindLabel:
			s.kind = append(s.kind, m)
			s.ofTenant = append(s.ofTenant, m)
		case schema.LiveFieldLabel:
			s.field = append(s.field, m)
			s.ofTenant = append(s.ofTenant, m)
		case schema.LiveReasonLabel:
			s.reason = append(s.reason, m)
			s.ofSource = append(s.ofSource, m)
		default:
			s.ofSource = append(s.ofSource, m)
			s.ofTenant = append(s.ofTenant, m)
		}
	}
	for i := range schema.LiveSeries {
		s.names.set(i, matchesName(ms, schema.LiveSeries[i].Name))
	}
	if !matchesAll(s.ofTenant, "") {
		s.names.keep(&sourceNames)
	}
	if s.names == (nameSet{}) {
		return nil
	}
	return s
}

func matchesName(ms []*labels.Matcher, name string) bool {
	for _, m := range ms {
		if m.Name == schema.MetricNameLabel && !m.Matches(name) {
			return false
		}
	}
	return true
}

func matchesAll(ms []*labels.Matcher, value string) bool {
	for _, m := range ms {
		if !m.Matches(value) {
			return false
		}
	}
	return true
}

// Sources reports whether series of sources may be selected.
func (s *Selection) Sources() bool { return s.names.any(&sourceNames) }

// Tenants reports whether series of tenants may be selected.
func (s *Selection) Tenants() bool { return s.names.any(&tenantNames) }

// Fields reports whether it matters what a source misses.
func (s *Selection) Fields() bool { return s.names.has(fieldSilence) }

// Whole reports whether anything else matters of a source.
func (s *Selection) Whole() bool { return s.names.any(&wholeNames) && matchesAll(s.field, "") }

// Tenant reports whether series of a tenant and of its sources may be selected.
func (s *Selection) Tenant(t schema.Tenant) bool {
	return matchesAll(s.service, t.Service) && matchesAll(s.subservice, t.Subservice)
}

// Kind reports whether series of a kind of source may be selected. Those of what
// our own rules record never are: it is silent when its rule is changed.
func (s *Selection) Kind(k schema.Kind) bool {
	return k != schema.KindRecorded && matchesAll(s.kind, k.String())
}

// Labels reports whether series with such labels, of a tenant and a kind that may
// be selected, are.
func (s *Selection) Labels(of []schema.Label) bool {
	for _, m := range s.ofSource {
		if !m.Matches(value(of, m.Name)) {
			return false
		}
	}
	return true
}

// nameSet is a set of places in schema.LiveSeries.
type nameSet [2]uint64

func (s *nameSet) set(i int, in bool) {
	if in {
		s[i/64] |= 1 << (i % 64)
	}
}

func (s *nameSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

func (s *nameSet) keep(o *nameSet) { s[0], s[1] = s[0]&o[0], s[1]&o[1] }

func (s *nameSet) any(o *nameSet) bool { return s[0]&o[0]|s[1]&o[1] != 0 }

// places are where the names stand in schema.LiveSeries.
var places = func() map[string]int {
	places := map[string]int{}
	for i := range schema.LiveSeries {
		places[schema.LiveSeries[i].Name] = i
	}
	if len(schema.LiveSeries) > len(nameSet{})*64 || len(places) != len(schema.LiveSeries) {
		panic("BUG: there are more live series than a nameSet holds, or two of a name")
	}
	return places
}()

func placeOf(name string) int {
	place, known := places[name]
	if !known {
		panic("BUG: no live series is called " + name)
	}
	return place
}

// The series of sources; all others are those of tenants.
var (
	up               = placeOf(schema.LiveSourceUp)
	offline          = placeOf(schema.LiveSourceOffline)
	left             = placeOf(schema.LiveSourceLeft)
	silence          = placeOf(schema.LiveSourceSilence)
	lag              = placeOf(schema.LiveSourceLag)
	expectedInterval = placeOf(schema.LiveSourceExpectedInterval)
	fieldSilence     = placeOf(schema.LiveSourceFieldSilence)
	readings         = placeOf(schema.LiveSourceReadings)
)

var sourceNames, wholeNames, tenantNames = func() (of, whole, others nameSet) {
	for _, place := range []int{up, offline, left, silence, lag, expectedInterval, fieldSilence, readings} {
		of.set(place, true)
		whole.set(place, place != fieldSilence)
	}
	for i := range schema.LiveSeries {
		others.set(i, !of.has(i))
	}
	return of, whole, others
}()
