package decode

import (
	"fmt"

	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// Decoder decodes payloads. It keeps its buffers from call to call and is not
// for concurrent use.
type Decoder struct {
	parser fastjson.Parser
	parts  parts  // of the object being read, not yet used
	values values // of the reading being made

	readings []schema.Reading
	fields   []schema.FieldValue // the readings' Fields
	labels   []schema.Label      // the readings' Labels and Attributes
	named    []schema.NamedValue // the readings' Named
	tenants  []schema.Tenant     // the readings' Tenant
	spans    []int               // of each recorded reading: its tenant, and how many dimensions it has
	open     open                // for what is not JSON of one of our own shapes
	remote   RemoteWriter        // nil for none
	texts    []byte              // what the readings' strings need beside the parser's copy of the payload
	scratch  []byte

	node    int  // index in a document's nodes, for details; -1 outside of one
	escaped bool // the payload has a backslash
	suspect bool // something of it that was ignored may not be JSON
	large   bool // the previous payload took more memory than is kept
}

// keptPayload is the size of a payload up to which a Decoder keeps the memory
// that it took. A parsed payload takes up to 50 times its size; what rules record,
// which is larger and comes again and again, about five times.
const (
	keptPayload  = 64 << 10
	keptRecorded = 1 << 20
)

// RemoteWriter decodes requests of Prometheus' remote write, in version 1 or 2, as
// they came. The readings are valid until its next call. Package remotewrite has
// one: what it needs of Prometheus is not for everybody who decodes.
type RemoteWriter interface {
	Readings(version int, payload []byte) ([]schema.Reading, *schema.Rejection)
}

// Option is what a Decoder has beside its own.
type Option func(*Decoder)

// WithRemoteWrites has a Decoder read remote writes, which it else rejects.
func WithRemoteWrites(w RemoteWriter) Option { return func(d *Decoder) { d.remote = w } }

// New returns a Decoder.
func New(options ...Option) *Decoder {
	d := &Decoder{}
	for _, o := range options {
		o(d)
	}
	return d
}

// Decode decodes the payload of an event on topic t, which ParseEvent, ParseTopic,
// ParseMapped or ParseRuleTopic returned.
// It returns the readings in the payload's order, or why the event is rejected.
// A gateway's document without nodes is accepted and has no readings.
//
// The readings and all that they hold are valid until the next call.
func (d *Decoder) Decode(t Topic, payload []byte) ([]schema.Reading, *schema.Rejection) {
	if t.Kind == TopicBad {
		return nil, &schema.Rejection{Reason: schema.ReasonBadTopic, Detail: t.Detail, Offset: -1}
	}
	d.reset(t.Kind, payload)
	rejection := d.payload(t, payload)
	if rejection != nil {
		return nil, rejection
	}
	return d.readings, nil
}

func (d *Decoder) payload(t Topic, payload []byte) *schema.Rejection {
	switch t.Kind {
	case TopicExposition, TopicPush:
		return d.exposed(t, payload)
	case TopicNotice:
		return d.notice(t.Pushed, payload)
	case TopicInflux:
		return d.influx(t.Pushed, payload)
	case TopicRemoteWrite:
		return d.remoteWrite(t.Pushed, payload)
	case TopicPulled:
		return d.pulled(t.Pulled, payload)
	case TopicMapped:
		return d.mapped(t.Mapped, payload)
	case TopicMappings:
		return d.mappings(payload)
	}
	return d.json(t, payload)
}

// json decodes a message of one of our own shapes.
func (d *Decoder) json(t Topic, payload []byte) *schema.Rejection {
	root, err := d.parser.ParseBytes(payload)
	if err != nil {
		return notJSON(payload)
	}
	rejection := d.message(t, root)
	if d.isDoubtful(rejection) {
		if fault := syntaxFault(payload); fault != nil {
			return fault
		}
	}
	return rejection
}

// isDoubtful reports whether it remains to be seen that the payload is JSON:
// fastjson accepts more, and what was not used was only looked over. Whoever
// sent a bad number is told which field it was, even if it was NaN.
func (d *Decoder) isDoubtful(r *schema.Rejection) bool {
	if r == nil {
		return d.suspect || d.escaped
	}
	return r.Reason != schema.ReasonBadNumber
}

func (d *Decoder) message(t Topic, root *fastjson.Value) *schema.Rejection {
	if root.Type() != fastjson.TypeObject {
		return d.reject(schema.ReasonNotAnObject, "the payload is %s: expected a JSON object", kindOf(root))
	}
	switch t.Kind {
	case TopicCreate, TopicAlive, TopicTaskMetrics, TopicPropletMetrics:
		return d.propeller(t.Kind, root)
	case TopicResources:
		return d.resources(t.Name, root)
	case TopicDataNode:
		return d.dataNode(t.Name, root)
	case TopicRecorded:
		return d.recorded(root)
	case topicNodeStatus:
		return d.nodeStatus(t.Name, root)
	}
	panic("BUG: decoding a topic of " + t.Kind.String())
}

func (d *Decoder) reset(kind TopicKind, payload []byte) {
	if d.large {
		*d = Decoder{remote: d.remote}
	}
	d.large = len(payload) > keptRecorded || len(payload) > keptPayload && kind.isTree()
	d.readings = d.readings[:0]
	d.fields = d.fields[:0]
	d.labels = d.labels[:0]
	d.named = d.named[:0]
	d.tenants = d.tenants[:0]
	d.spans = d.spans[:0]
	d.texts = d.texts[:0]
	d.parts = parts{}
	d.node = -1
	d.escaped = hasEscapes(payload)
	d.suspect = false
}

// isTree reports whether payloads of a kind are documents with many small values,
// of which a parser makes a tree that is many times as large.
func (k TopicKind) isTree() bool {
	return k != TopicRecorded && k != TopicExposition && k != TopicPush && k != TopicPulled &&
		k != TopicInflux && k != TopicRemoteWrite && k != TopicMapped && k != TopicMappings
}

// reject makes a Rejection whose detail names the node of a document.
func (d *Decoder) reject(reason schema.Reason, format string, args ...any) *schema.Rejection {
	detail := fmt.Sprintf(format, args...)
	if d.node >= 0 {
		detail = fmt.Sprintf("nodes[%d].%s", d.node, detail)
	}
	return &schema.Rejection{Reason: reason, Detail: detail, Offset: -1}
}
