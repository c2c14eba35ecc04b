package decode

import (
	"slices"
	"strings"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/exposition"
	"weir/pkg/schema/decode/gather"
	"weir/pkg/schema/packed"
	"weir/pkg/schema/pulltopic"
)

// The series of a pull itself, called as in Prometheus.
const (
	seriesUp      = "up"
	seriesTook    = "scrape_duration_seconds"
	seriesScraped = "scrape_samples_scraped"
	// seriesDropped is there only if something was dropped.
	seriesDropped = "scrape_samples_dropped"
)

// pulled reads what ingest fetched: the line that says how that went, and the
// body behind it.
func (d *Decoder) pulled(t *pulltopic.Topic, payload []byte) *schema.Rejection {
	if t.Kind == pulltopic.Probe {
		return d.probed(t, payload)
	}
	report, body, ok := pulltopic.ParseReport(payload)
	if !ok {
		return d.reject(schema.ReasonUnknownShape, "the payload does not begin with the line that says how it was fetched")
	}
	if report.Ended {
		d.pullEnded(t)
		return nil
	}
	text := body
	if report.Packed {
		var err error
		if text, err = packed.Unpack(body); err != nil {
			return d.reject(schema.ReasonUnknownShape, "%s", oneLine(err))
		}
	}
	return behind(d.pulledBody(t, &report, text), report.Packed, len(payload)-len(body))
}

// behind returns a rejection of what stands behind a line of so many bytes. Of
// what was packed it has no place in the payload.
func behind(r *schema.Rejection, isPacked bool, line int) *schema.Rejection {
	switch {
	case r == nil || r.Offset < 0:
	case isPacked:
		r.Offset = -1
	default:
		r.Offset += line
	}
	return r
}

func (d *Decoder) pulledBody(t *pulltopic.Topic, report *pulltopic.Report, body []byte) *schema.Rejection {
	switch t.Kind {
	case pulltopic.Scrape:
		return d.scraped(t, report, body)
	case pulltopic.DataNodeHealth:
		return d.polledHealth(t, report, body)
	case pulltopic.DataNodeStats:
		if !report.Up {
			return nil // health says that it is down
		}
		if r := d.jsonBody(Topic{Kind: TopicDataNode, Name: t.Name}, body); r != nil {
			return r
		}
		d.addLabels(t.Labels)
		return nil
	case pulltopic.Spore:
		if report.Up {
			if r := d.jsonBody(Topic{Kind: TopicResources, Name: t.Name}, body); r != nil {
				return r
			}
		}
		d.readings = append(d.readings, pullReading(schema.KindDevice, t.Name, t.Labels, report))
		return nil
	case pulltopic.SporeStatus:
		return d.polledStatus(t, report, body)
	}
	return d.reject(schema.ReasonBadTopic, "%s is nothing that this version knows how to read", t.Kind)
}

// pullEnded ends all series of what is not fetched any more, and says that it is
// gone.
func (d *Decoder) pullEnded(t *pulltopic.Topic) {
	switch t.Kind {
	case pulltopic.Scrape:
		d.readings = append(d.readings, goneForGood(schema.KindTarget, targetName(t)))
	case pulltopic.Probe:
		d.readings = append(d.readings, goneForGood(schema.KindTarget, probeName(t)))
	case pulltopic.DataNodeHealth, pulltopic.DataNodeStats:
		d.readings = append(d.readings, goneForGood(schema.KindDataNode, t.Name))
	case pulltopic.Spore:
		d.readings = append(d.readings, goneForGood(schema.KindDevice, t.Name), goneForGood(schema.KindSporeNode, t.Name))
	}
}

// goneForGood is the end of all series of a source that is not fetched any more: that
// it is silent from now on is no news.
func goneForGood(kind schema.Kind, id string) schema.Reading {
	r := allEnded(kind, id)
	r.Presence = schema.PresenceOffline
	return r
}

// targetName names a scrape's target as a source. Two jobs may scrape the same
// instance.
func targetName(t *pulltopic.Topic) string { return t.Job + "/" + t.Name }

// probeName names a probe as a source. The blank keeps it apart from a pushed group
// and from what is written remotely, which may be called like it: each ends what
// the other says.
func probeName(t *pulltopic.Topic) string { return "probe " + t.Name }

// targetLabels returns the labels of a scrape's target, ascending.
func targetLabels(t *pulltopic.Topic) []schema.Label {
	labels := []schema.Label{{Name: "instance", Value: t.Name}, {Name: "job", Value: t.Job}}
	return merged(labels, t.Labels)
}

// merged returns labels and those of others that are not among them, ascending.
func merged(labels, others []schema.Label) []schema.Label {
	all := append(slices.Clone(labels), without(others, labels)...)
	slices.SortFunc(all, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// scraped reads a scrape. A target that does not answer is offline, and all its
// series but those of the scrape itself end; what is missing from an answer ends
// where all of its labels are missing, and else fades.
func (d *Decoder) scraped(t *pulltopic.Topic, report *pulltopic.Report, body []byte) *schema.Rejection {
	id, labels := targetName(t), targetLabels(t)
	own := pullReading(schema.KindTarget, id, labels, report)
	if !report.Up {
		own.Named = slices.Insert(own.Named, 1, schema.NamedValue{Name: seriesScraped, Type: schema.Gauge}) // by name
		d.readings = append(d.readings, allEnded(schema.KindTarget, id), own)
		return nil
	}
	doc, rejection := d.document(body, exposition.Options{DropNone: t.DropNone, OpenMetrics: isOpenMetrics(report.ContentType)})
	if rejection != nil {
		return rejection
	}
	g := d.open.gatherer()
	at := g.Reading(gather.Point{Kind: schema.KindTarget, ID: id})
	g.At(at).Labels = labels
	d.samples(g, exposer{kind: schema.KindTarget, id: id, labels: labels, theirs: t.HonorLabels, timeless: t.IgnoreTimestamps}, doc)
	for _, v := range own.Named { // behind the samples: the target does not decide of them
		g.Value(at, v)
	}
	g.Value(at, schema.NamedValue{Name: seriesScraped, Type: schema.Gauge, Value: float64(len(doc.Samples))})
	if doc.Dropped > 0 {
		g.Value(at, schema.NamedValue{Name: seriesDropped, Type: schema.Gauge, Value: float64(doc.Dropped)})
	}
	d.readings = append(d.readings, g.Readings()...)
	for i := range d.readings {
		d.readings[i].CounterTolerance = t.CounterTolerance
	}
	d.readings = append(d.readings, allEnded(schema.KindTarget, id))
	return nil
}

// pullReading is what a pull says of itself.
func pullReading(kind schema.Kind, id string, labels []schema.Label, report *pulltopic.Report) schema.Reading {
	r := schema.Reading{Kind: kind, ID: id, Presence: schema.PresenceOffline}
	if len(labels) > 0 {
		r.Labels = labels
	}
	up := 0.0
	if report.Up {
		up, r.Presence = 1, schema.PresenceAlive
	}
	r.Named = []schema.NamedValue{ // ascending
		{Name: seriesTook, Type: schema.Gauge, Unit: "seconds", Value: report.Duration},
		{Name: seriesUp, Type: schema.Gauge, Value: up},
	}
	return r
}

// isOpenMetrics reports whether a media type is that of OpenMetrics.
func isOpenMetrics(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(media), "application/openmetrics-text")
}

// jsonBody decodes a fetched body as if it had been published.
func (d *Decoder) jsonBody(t Topic, body []byte) *schema.Rejection {
	d.escaped = hasEscapes(body)
	return d.json(t, body)
}

// addLabels gives the readings labels of the configuration.
func (d *Decoder) addLabels(labels []schema.Label) {
	if len(labels) == 0 {
		return
	}
	for i := range d.readings {
		d.readings[i].Labels = merged(d.readings[i].Labels, labels)
	}
}

// polledHealth reads a data node's health. Its body decides, whatever the status
// was; one that is no health is none if the node did not answer as it must.
func (d *Decoder) polledHealth(t *pulltopic.Topic, report *pulltopic.Report, body []byte) *schema.Rejection {
	own := pullReading(schema.KindDataNode, t.Name, t.Labels, report)
	rejection := d.jsonBody(Topic{Kind: TopicDataNode, Name: t.Name}, body)
	switch {
	case rejection != nil && report.Up:
		return rejection
	case rejection != nil:
		d.readings = append(d.readings[:0], own)
		return nil
	}
	d.addLabels(t.Labels)
	d.readings[0].Named = own.Named
	return nil
}

// polledStatus reads the labels out of a SPORE node's status.
func (d *Decoder) polledStatus(t *pulltopic.Topic, report *pulltopic.Report, body []byte) *schema.Rejection {
	if !report.Up {
		return nil
	}
	if r := d.jsonBody(Topic{Kind: topicNodeStatus, Name: t.Name}, body); r != nil {
		return r
	}
	d.addLabels(t.Labels)
	return nil
}

// nodeStatus makes a reading of a node's labels. It has no values.
func (d *Decoder) nodeStatus(name string, root *fastjson.Value) *schema.Rejection {
	d.visitNode(root)
	labels, rejection := d.sourceLabels()
	if rejection != nil {
		return rejection
	}
	d.ignoreRest()
	d.readings = append(d.readings, schema.Reading{Kind: schema.KindSporeNode, ID: name, Presence: schema.PresenceAlive, Labels: labels})
	return nil
}

// probed reads the result of a probe. Its name is the job: two probes may ask the
// same instance.
func (d *Decoder) probed(t *pulltopic.Topic, payload []byte) *schema.Rejection {
	result, reason, detail := pulltopic.ParseProbe(payload)
	switch {
	case reason != schema.ReasonNone:
		return d.reject(reason, "%s", inASCII(detail))
	case result.Ended:
		d.pullEnded(t)
		return nil
	}
	labels := merged([]schema.Label{{Name: "instance", Value: t.Target}, {Name: "job", Value: t.Name}}, t.Labels)
	g, id := d.open.gatherer(), probeName(t)
	g.Reading(gather.Point{Kind: schema.KindTarget, ID: id})
	for _, m := range result.Metrics {
		var dims []schema.Label
		for name, value := range m.Labels {
			if value != "" {
				dims = append(dims, schema.Label{Name: name, Value: value})
			}
		}
		slices.SortFunc(dims, func(a, b schema.Label) int { return strings.Compare(a.Name, b.Name) })
		g.Value(g.Reading(gather.Point{Kind: schema.KindTarget, ID: id, Dims: dims}), schema.NamedValue{Name: m.Name, Type: schema.Gauge, Value: m.Value})
	}
	first := len(d.readings)
	d.readings = append(d.readings, g.Readings()...)
	for i := range d.readings[first:] {
		d.readings[first+i].Labels = labels
	}
	if ok, known := result.Metric("probe_success"); known && ok == 0 {
		d.readings[first].Presence = schema.PresenceOffline
	}
	d.readings = append(d.readings, allEnded(schema.KindTarget, id))
	return nil
}
