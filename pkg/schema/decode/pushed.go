package decode

import (
	"slices"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/decode/expositionpb"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pushtopic"
)

// The series that a pushed group has beside its own, called as in a Pushgateway.
const (
	seriesPushed     = "push_time_seconds"
	seriesPushFailed = "push_failure_time_seconds"
)

// pushed reads a group of metrics that was pushed over HTTP. What it says holds
// until it is pushed anew or deleted, as in a Pushgateway.
func (d *Decoder) pushed(p *pushtopic.Topic, payload []byte) *schema.Rejection {
	from := exposer{kind: schema.KindTarget, id: p.GroupName(), labels: p.Group, ours: true}
	head, body := pushtopic.CutHead(payload)
	if head.Refused {
		d.readings = append(d.readings, schema.Reading{
			Kind: from.kind, ID: from.id, Labels: from.labels, Presence: schema.PresenceAlive, Interval: schema.UntilEnded,
			Named: []schema.NamedValue{pushTime(seriesPushFailed, head.At)},
		})
		return nil
	}
	if p.Method == "DELETE" {
		d.readings = append(d.readings, goneForGood(from.kind, from.id))
		return nil
	}
	line := len(payload) - len(body)
	if head.Packed {
		var err error
		if body, err = packed.Unpack(body); err != nil {
			return d.reject(schema.ReasonUnknownShape, "%s", oneLine(err))
		}
	}
	doc, rejection := d.pushedDocument(p.Format, body)
	if rejection == nil {
		rejection = d.pushedGroup(p, &head, from, doc)
	}
	return behind(rejection, head.Packed, line)
}

func (d *Decoder) pushedDocument(format string, body []byte) (*exposition.Document, *schema.Rejection) {
	if format != pushtopic.FormatProtobuf {
		return d.document(body, exposition.Options{OpenMetrics: format == pushtopic.FormatOpenMetrics})
	}
	doc, err := expositionpb.Parse(body)
	if err != nil {
		return nil, d.reject(schema.ReasonUnknownShape, "%s", oneLine(err))
	}
	return doc, nil
}

// pushedGroup makes the readings of a pushed group. Its samples count when they
// are pushed: like a Pushgateway, we take none that says another time, and none
// that is there twice; of a group without a head the last one counts then, since it
// was taken when it came. A PUT ends all that the group had, a POST all of the
// names that it brings.
func (d *Decoder) pushedGroup(p *pushtopic.Topic, head *pushtopic.Head, from exposer, doc *exposition.Document) *schema.Rejection {
	for i := range doc.Samples {
		if doc.Samples[i].Time != 0 {
			return d.reject(schema.ReasonUnknownShape, "pushed metrics must not have timestamps: %s has one", quote(doc.Samples[i].Name))
		}
	}
	if head.At != 0 { // these two are ours to say
		doc.Samples = slices.DeleteFunc(doc.Samples, func(s exposition.Sample) bool { return s.Name == seriesPushed || s.Name == seriesPushFailed })
	}
	g, own := d.open.gatherer(), 0
	if head.At != 0 {
		own = 2
		at := g.Reading(gather.Point{Kind: from.kind, ID: from.id})
		g.At(at).Labels = from.labels
		g.Value(at, pushTime(seriesPushed, head.At))
		g.Value(at, pushTime(seriesPushFailed, head.Failed))
	}
	hidden := own + d.samples(g, from, doc)
	readings := g.Readings()
	for i := range readings {
		readings[i].Interval = schema.UntilEnded
		hidden -= len(readings[i].Named)
	}
	if hidden > 0 && head.At != 0 {
		return d.reject(schema.ReasonUnknownShape, "%s was collected before with the same name and label values", quote(d.twice(&from, doc)))
	}
	before := allEnded(from.kind, from.id)
	if p.Method == "POST" {
		before.Named = d.pushedNames(readings)
	}
	if p.Method != "POST" || len(before.Named) > 0 {
		d.readings = append(d.readings, before)
	}
	d.readings = append(d.readings, readings...)
	return nil
}

// pushTime is a time in unix nanoseconds as the value of a series.
func pushTime(name string, at int64) schema.NamedValue {
	return schema.NamedValue{Name: name, Type: schema.Gauge, Unit: "seconds", Value: float64(at) / 1e9, Help: pushHelp[name]}
}

// pushHelp says what the series of pushes are.
var pushHelp = map[string]string{
	seriesPushed:     "Unix time of the last push of this group that was taken.",
	seriesPushFailed: "Unix time of the last push of this group that was refused, 0 for none.",
}

// pushedNames returns the names of readings' values, ascending, each once; those
// that are ours need no end.
func (d *Decoder) pushedNames(readings []schema.Reading) []schema.NamedValue {
	first := len(d.named)
	for i := range readings {
		for k := range readings[i].Named {
			if name := readings[i].Named[k].Name; name != seriesPushed && name != seriesPushFailed {
				d.named = append(d.named, schema.NamedValue{Name: name})
			}
		}
	}
	names := d.named[first:]
	slices.SortFunc(names, func(a, b schema.NamedValue) int { return strings.Compare(a.Name, b.Name) })
	names = slices.CompactFunc(names, func(a, b schema.NamedValue) bool { return a.Name == b.Name })
	d.named = d.named[:first+len(names)]
	return names[:len(names):len(names)]
}

// twice returns the name of a sample that is there twice.
func (d *Decoder) twice(from *exposer, doc *exposition.Document) string {
	seen := map[string]bool{}
	for i := range doc.Samples {
		s := &doc.Samples[i]
		_, dims := d.tell(from, s.Labels)
		key := s.Name
		for _, l := range dims {
			key += "\x00" + l.Name + "\x00" + l.Value
		}
		if seen[key] {
			return s.Name
		}
		seen[key] = true
	}
	return "a metric" // one that a summary's sum hides
}
