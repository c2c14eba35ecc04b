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
	texts    []byte              // what the readings' strings need beside the parser's copy of the payload
	scratch  []byte

	node    int  // index in a document's nodes, for details; -1 outside of one
	escaped bool // the payload has a backslash
	suspect bool // something of it that was ignored may not be JSON
	large   bool // the previous payload was larger than keptPayload
}

// keptPayload is the size of a payload up to which a Decoder keeps the memory
// that it took. A parsed payload takes up to 50 times its size.
const keptPayload = 64 << 10

// New returns a Decoder.
func New() *Decoder { return &Decoder{} }

// Decode decodes the payload of an event on topic t, which ParseTopic returned.
// It returns the readings in the payload's order, or why the event is rejected.
// A gateway's document without nodes is accepted and has no readings.
//
// The readings and all that they hold are valid until the next call.
func (d *Decoder) Decode(t Topic, payload []byte) ([]schema.Reading, *schema.Rejection) {
	if t.Kind == TopicBad {
		return nil, &schema.Rejection{Reason: schema.ReasonBadTopic, Detail: t.Detail, Offset: -1}
	}
	d.reset(payload)
	root, err := d.parser.ParseBytes(payload)
	if err != nil {
		return nil, notJSON(payload)
	}
	rejection := d.message(t, root)
	if d.isDoubtful(rejection) {
		if fault := syntaxFault(payload); fault != nil {
			return nil, fault
		}
	}
	if rejection != nil {
		return nil, rejection
	}
	return d.readings, nil
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
	}
	panic("BUG: decoding a topic of " + t.Kind.String())
}

func (d *Decoder) reset(payload []byte) {
	if d.large {
		*d = Decoder{}
	}
	d.large = len(payload) > keptPayload
	d.readings = d.readings[:0]
	d.fields = d.fields[:0]
	d.labels = d.labels[:0]
	d.texts = d.texts[:0]
	d.parts = parts{}
	d.node = -1
	d.escaped = hasEscapes(payload)
	d.suspect = false
}

// reject makes a Rejection whose detail names the node of a document.
func (d *Decoder) reject(reason schema.Reason, format string, args ...any) *schema.Rejection {
	detail := fmt.Sprintf(format, args...)
	if d.node >= 0 {
		detail = fmt.Sprintf("nodes[%d].%s", d.node, detail)
	}
	return &schema.Rejection{Reason: reason, Detail: detail, Offset: -1}
}
