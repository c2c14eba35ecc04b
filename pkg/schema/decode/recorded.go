package decode

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
	"unsafe"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// RecordedTopic is the topic of what our own rules record.
const RecordedTopic = "weir/recorded"

// MaxRecordedText is the longest name, label name or label value of a recorded
// series, in bytes. Prometheus knows no limit.
const MaxRecordedText = 16384

// ParseRuleTopic parses the topic of an event that came by schema.RouteRule. It
// returns false for one that is none of weir's own. ParseTopic knows none of these
// topics: nobody else may write there.
func ParseRuleTopic(topic string) (Topic, bool) {
	switch topic {
	case RecordedTopic:
		return Topic{Kind: TopicRecorded}, true
	case MappingsTopic:
		return Topic{Kind: TopicMappings}, true
	}
	return Topic{}, false
}

// recorded reads what our own rules recorded:
//
//	{"time_ms": 1767323045000,
//	 "samples": [{"labels": {"__name__": "job:x", "zone": "a"}, "value": 1.5}, …],
//	 "ended": [{"__name__": "job:x", "zone": "b"}, …]}
//
// A value that is no number of JSON is a string: "NaN", "+Inf", "-Inf", or the
// 16 hexadecimal digits of its bits behind "0x". The labels service and subservice
// say whose a series is; without them it belongs to the tenant without names.
//
// There is a reading for each series, ascending by tenant, name and labels, first
// those with a value; of one that is there twice, the last counts.
func (d *Decoder) recorded(root *fastjson.Value) *schema.Rejection {
	d.suspect = true // all of it is looked over
	ms, ok := d.recordedNumber(root.Get("time_ms"))
	if !ok || ms != math.Trunc(ms) || ms < 0 || ms > maxUnix*1000 {
		return d.reject(schema.ReasonUnknownShape, "time_ms is no number of milliseconds since 1970")
	}
	samples, ended := root.Get("samples"), root.Get("ended")
	for _, list := range []struct {
		name string
		v    *fastjson.Value
	}{{"samples", samples}, {"ended", ended}} {
		if list.v != nil && list.v.Type() != fastjson.TypeArray && list.v.Type() != fastjson.TypeNull {
			return d.reject(schema.ReasonUnknownShape, "%s is %s: expected an array", list.name, kindOf(list.v))
		}
	}
	at := int64(ms) * 1e6
	for i, v := range samples.GetArray() {
		if r := d.recordedSample(i, v, at); r != nil {
			return r
		}
	}
	values := len(d.readings)
	for i, labels := range ended.GetArray() {
		r := schema.Reading{Time: at, Ended: true}
		if rejection := d.recordedLabels(&r, "ended", i, labels); rejection != nil {
			return rejection
		}
		d.readings = append(d.readings, r)
	}
	d.linkRecorded()
	d.readings = append(unique(d.readings[:values]), unique(d.readings[values:])...)
	return nil
}

func (d *Decoder) recordedSample(i int, v *fastjson.Value, at int64) *schema.Rejection {
	r := schema.Reading{Time: at, Presence: schema.PresenceAlive}
	value, ok := d.recordedNumber(v.Get("value"))
	if !ok {
		return d.reject(schema.ReasonBadNumber, "samples[%d].value is no number", i)
	}
	if rejection := d.recordedLabels(&r, "samples", i, v.Get("labels")); rejection != nil {
		return rejection
	}
	d.named = append(d.named, schema.NamedValue{Name: r.ID, Value: value})
	d.readings = append(d.readings, r)
	return nil
}

// linkRecorded gives the readings what lies in lists that grew meanwhile.
func (d *Decoder) linkRecorded() {
	first := 0
	for i := range d.readings {
		r := &d.readings[i]
		n := d.spans[2*i+1]
		r.Dims = d.labels[first : first+n : first+n]
		first += n
		if tenant := d.spans[2*i]; tenant >= 0 {
			r.Tenant = &d.tenants[tenant]
		}
		if !r.Ended {
			r.Named = d.named[i : i+1 : i+1]
		}
	}
}

// recordedLabels takes the labels of a series: its name, its tenant, and its
// dimensions, which linkRecorded gives to it.
func (d *Decoder) recordedLabels(r *schema.Reading, list string, i int, v *fastjson.Value) (rejection *schema.Rejection) {
	if v == nil || v.Type() != fastjson.TypeObject {
		return d.reject(schema.ReasonUnknownShape, "%s[%d] has no object of labels", list, i)
	}
	r.Kind, r.Clock = schema.KindRecorded, schema.ClockUnix
	var tenant schema.Tenant
	first := len(d.labels)
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		name, value := unsafe.String(unsafe.SliceData(key), len(key)), text(v)
		switch {
		case rejection != nil:
		case v.Type() != fastjson.TypeString:
			rejection = d.reject(schema.ReasonBadSource, "%s[%d] has the label %s, which is %s: expected a string", list, i, quote(name), kindOf(v))
		case name == "" || recordedFault(name) || recordedFault(value):
			rejection = d.reject(schema.ReasonBadSource, "%s[%d] has the label %s: expected UTF-8 of at most %d bytes", list, i, quote(name), MaxRecordedText)
		case name == schema.MetricNameLabel:
			r.ID = value
		case name == "service":
			tenant.Service = value
		case name == "subservice":
			tenant.Subservice = value
		case value != "":
			d.labels = append(d.labels, schema.Label{Name: name, Value: value})
		}
	})
	switch {
	case rejection != nil:
		return rejection
	case r.ID == "":
		return d.reject(schema.ReasonMissingSource, "%s[%d] has no label %s", list, i, schema.MetricNameLabel)
	case tenant.Service != "" && !schema.ValidTenantName(tenant.Service):
		return d.reject(schema.ReasonBadSource, "%s[%d] is of the service %s: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", list, i, quote(tenant.Service), schema.MaxTenantName)
	case tenant.Subservice != "" && !schema.ValidTenantName(tenant.Subservice):
		return d.reject(schema.ReasonBadSource, "%s[%d] is of the subservice %s: expected 1 to %d ASCII letters, digits, '_', '-' or '.'", list, i, quote(tenant.Subservice), schema.MaxTenantName)
	}
	d.sortLabels(first)
	d.spans = append(d.spans, d.tenantOf(tenant), len(d.labels)-first)
	return nil
}

// tenantOf returns the place of a tenant among those of the event, -1 for the one
// without names. Series of one tenant mostly follow one another.
func (d *Decoder) tenantOf(t schema.Tenant) int {
	if t == (schema.Tenant{}) {
		return -1
	}
	last := len(d.tenants) - 1
	if last < 0 || d.tenants[last] != t {
		d.tenants = append(d.tenants, t)
		last++
	}
	return last
}

func recordedFault(s string) bool { return len(s) > MaxRecordedText || !utf8.ValidString(s) }

// recordedNumber reads a number, exact to the bit.
func (d *Decoder) recordedNumber(v *fastjson.Value) (float64, bool) {
	if v == nil {
		return 0, false
	}
	switch v.Type() {
	case fastjson.TypeNumber:
		b := d.raw(v)
		if s := unsafe.String(unsafe.SliceData(b), len(b)); isNumber(s) {
			f, err := strconv.ParseFloat(s, 64)
			return f, err == nil
		}
	case fastjson.TypeString:
		return parseSpecial(text(v))
	}
	return 0, false
}

// normalNaN is the NaN that Prometheus computes with.
const normalNaN = 0x7ff8000000000001

func parseSpecial(s string) (float64, bool) {
	switch s {
	case "NaN":
		return math.Float64frombits(normalNaN), true
	case "+Inf":
		return math.Inf(1), true
	case "-Inf":
		return math.Inf(-1), true
	}
	if hex, ok := strings.CutPrefix(s, "0x"); ok && len(hex) == 16 {
		bits, err := strconv.ParseUint(hex, 16, 64)
		return math.Float64frombits(bits), err == nil
	}
	return 0, false
}

// unique puts recorded readings in order, and keeps the last of equal ones.
func unique(readings []schema.Reading) []schema.Reading {
	slices.SortStableFunc(readings, compareRecorded)
	kept := readings[:0]
	for i := range readings {
		if i+1 == len(readings) || compareRecorded(readings[i], readings[i+1]) != 0 {
			kept = append(kept, readings[i])
		}
	}
	return kept
}

func compareRecorded(a, b schema.Reading) int {
	var ta, tb schema.Tenant
	if a.Tenant != nil {
		ta = *a.Tenant
	}
	if b.Tenant != nil {
		tb = *b.Tenant
	}
	return cmp.Or(ta.Compare(tb), strings.Compare(a.ID, b.ID), slices.CompareFunc(a.Dims, b.Dims, func(a, b schema.Label) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	}))
}
