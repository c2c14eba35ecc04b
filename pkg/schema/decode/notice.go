package decode

import (
	"errors"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/ngsi"
	"weir/pkg/schema/pushtopic"
)

// notice reads a notification: each entity is a source, its numbers are series,
// its texts attributes, its type a label. It belongs to the tenant of its path.
func (d *Decoder) notice(t *pushtopic.Topic, payload []byte) *schema.Rejection {
	n, err := ngsi.Parse(payload, len(t.Tenants))
	if err != nil {
		return noticeFault(payload, err)
	}
	for i := range n.Entities {
		e := &n.Entities[i]
		r := schema.Reading{Kind: schema.KindDevice, ID: e.ID, Presence: schema.PresenceAlive, Labels: []schema.Label{}}
		if e.Type != "" {
			r.Labels = []schema.Label{{Name: "type", Value: e.Type}}
		}
		if i < len(t.Tenants) && t.Tenants[i] != t.Tenant() {
			r.Tenant = &t.Tenants[i]
		}
		if e.Time != 0 {
			r.Clock, r.Time = schema.ClockRFC3339, e.Time
		}
		for _, v := range e.Numbers {
			r.Named = append(r.Named, schema.NamedValue{Name: v.Name, Unit: v.Unit, Value: v.Value})
		}
		r.Attributes = e.Texts
		d.readings = append(d.readings, r)
	}
	return nil
}

// noticeFault makes a rejection of what a context broker is told.
func noticeFault(payload []byte, err error) *schema.Rejection {
	if fault := syntaxFault(payload); fault != nil {
		return fault
	}
	r := &schema.Rejection{Reason: schema.ReasonUnknownShape, Detail: oneLine(err), Offset: -1}
	var e *ngsi.Error
	if errors.As(err, &e) && e.Code != 400 { // JSON, and yet not read: nested too deep
		r.Reason = schema.ReasonNotJSON
	}
	return r
}
