package foldtest

import (
	"fmt"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

// Mappings are sets by which the same topics mean different things.
var Mappings = func() []*mapping.Set {
	all := []*mapping.Set{mapping.Shipped()}
	for _, text := range []string{
		"[{match: 'plant/{service}/{subservice}/{device}/#', payload: text, name: plant, values: {on: 1}, expected_interval: 1h}]",
		"[{match: 'plant/+/+/{device}/{what}', payload: number, name: 'plant_{what}', service: farm, subservice: x, labels: {what: '{what}'}}]",
		"{api_keys: {k: farm/x}, mappings: [{match: 'j/{service}/{subservice}/{device}/{rest...}', labels: {rest: '{rest}'}, prefix: j_, expected_interval: 20s}]}",
	} {
		set, err := mapping.Parse([]byte(text))
		if err != nil {
			panic(fmt.Sprintf("BUG: mappings: %v", err))
		}
		all = append(all, set)
	}
	return all
}()

// mappings changes the mappings in force, or says them once more, or would if it
// could be read.
func (g *Generator) mappings() schema.Event {
	e := schema.Event{Topic: decode.MappingsTopic, Route: schema.RouteRule, Payload: Mappings[g.rng.IntN(len(Mappings))].Marshal()}
	switch g.rng.IntN(10) {
	case 0:
		e.Payload = e.Payload[:len(e.Payload)/2]
	case 1:
		e.Route = schema.RouteMQTT // nobody but weir itself may
	}
	return e
}

// mapped returns what a device publishes on a topic that some mapping is for.
func (g *Generator) mapped(t schema.Tenant, device string) schema.Event {
	e := schema.Event{Payload: fmt.Appendf(nil, "%d", g.rng.IntN(100))}
	switch g.rng.IntN(6) {
	case 0, 1:
		e.Topic = fmt.Sprintf("plant/%s/%s/%s/temp", t.Service, t.Subservice, device)
	case 2:
		e.Topic, e.Payload = fmt.Sprintf("plant/%s/%s/%s/mode", t.Service, t.Subservice, device), []byte("on")
	case 3:
		e.Topic, e.Payload = "/ul/k/"+device+"/attrs", fmt.Appendf(nil, "t|%d|h|%d", g.rng.IntN(100), g.rng.IntN(100))
	case 4:
		e.Topic = fmt.Sprintf("j/%s/%s/%s/env", t.Service, t.Subservice, device)
		e.Payload = fmt.Appendf(nil, `{"t":%d,"timestamp":%q}`, g.rng.IntN(100), Stamp(g.moment()))
	default:
		e.Topic = fmt.Sprintf("j/%s//%s/env", t.Service, device)
	}
	if g.rng.IntN(8) == 0 {
		e.Route = schema.RouteWill
	}
	if g.rng.IntN(8) == 0 {
		e.Route = schema.RouteReplay
	}
	return e
}
