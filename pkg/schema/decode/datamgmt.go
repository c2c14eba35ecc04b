package decode

import (
	"github.com/valyala/fastjson"

	"weir/pkg/schema"
)

// The objects of a DataMgmt node's messages that hold measured values.
var (
	dataNodeStats = sectionOf(dataNodeAliases, "", "")
	dataNodeP2P   = sectionOf(dataNodeAliases, "p2p", "p2p")
)

// dataNodeWords are the fields that a node says in a word, or with true and
// false, with the word that is good. Of two for one field the first counts.
//
// Source: the node's code. Its internal API has components, its external API
// has p2p, and an exception leaves nothing but the status.
var dataNodeWords = []struct {
	part  part
	path  string
	field schema.Field
	good  string
}{
	{partStatus, "status", schema.DataNodeHealthStatus, "healthy"},
	{partBlockchain, "components.blockchain", schema.DataNodeBlockchainConnected, "connected"},
	{partP2PNetwork, "components.p2p_network", schema.DataNodeP2PRunning, "running"},
	{partRunning, "p2p.running", schema.DataNodeP2PRunning, "running"},
	{partEncryption, "components.encryption", schema.DataNodeEncryptionInitialized, "initialized"},
}

func dataNodePart(key []byte) (part, bool) {
	switch string(key) {
	case "status":
		return partStatus, true
	case "components":
		return partComponents, true
	case "p2p":
		return partP2P, true
	case "version":
		return partVersion, true
	case "node_id":
		return partNodeID, true
	case "timestamp":
		return partTimestamp, true
	}
	return 0, false
}

func componentPart(key []byte) (part, bool) {
	switch string(key) {
	case "blockchain":
		return partBlockchain, true
	case "p2p_network":
		return partP2PNetwork, true
	case "encryption":
		return partEncryption, true
	}
	return 0, false
}

// dataNode decodes a message of the node that the topic names: its health in
// either of its two shapes, any of its stats, or both in one.
func (d *Decoder) dataNode(name string, root *fastjson.Value) *schema.Rejection {
	d.values.reset(schema.DataNodeHealthStatus)
	if rejection := d.collect(&dataNodeStats, root, d.dataNodePart); rejection != nil {
		return rejection
	}
	if rejection := d.components(d.take(partComponents)); rejection != nil {
		return rejection
	}
	if rejection := d.collect(&dataNodeP2P, d.take(partP2P), d.running); rejection != nil {
		return rejection
	}
	attributes, rejection := d.dataNodeAttributes()
	if rejection != nil {
		return rejection
	}
	if rejection := d.words(); rejection != nil {
		return rejection
	}
	if d.values.set == 0 {
		return d.reject(schema.ReasonUnknownShape, "none of the known shapes: expected a node's health with status, or its stats with total_peers, uptime and others")
	}
	d.derivePeers()
	m := d.moment(d.take(partTimestamp), false)
	d.ignoreRest()
	d.finish(schema.Reading{
		Kind: schema.KindDataNode, ID: name,
		Dialect: d.dataNodeDialect(), Clock: m.clock, Time: m.time,
		Presence: schema.PresenceAlive, Attributes: attributes,
	})
	return nil
}

func (d *Decoder) dataNodePart(key []byte, v *fastjson.Value) bool {
	p, ok := dataNodePart(key)
	if ok {
		d.put(&d.parts[p], v)
	}
	return ok
}

func (d *Decoder) running(key []byte, v *fastjson.Value) bool {
	ok := string(key) == "running"
	if ok {
		d.put(&d.parts[partRunning], v)
	}
	return ok
}

// components finds what the internal API says of the node's parts.
func (d *Decoder) components(v *fastjson.Value) *schema.Rejection {
	if v == nil {
		return nil
	}
	if v.Type() != fastjson.TypeObject {
		return d.reject(schema.ReasonUnknownShape, "components is %s: expected an object of words", kindOf(v))
	}
	v.GetObject().Visit(func(key []byte, v *fastjson.Value) {
		if p, ok := componentPart(key); ok {
			d.put(&d.parts[p], v)
		} else {
			d.ignoreField(key, v)
		}
	})
	return nil
}

// words sets the fields that are said in words. The words stay among the parts:
// they are looked over with the rest.
func (d *Decoder) words() *schema.Rejection {
	for _, w := range dataNodeWords {
		if !d.has(w.part) {
			continue
		}
		good := 0.0
		switch v := d.parts[w.part]; v.Type() {
		case fastjson.TypeString:
			if text(v) == w.good {
				good = 1
			}
		case fastjson.TypeTrue:
			good = 1
		case fastjson.TypeFalse:
		default:
			return d.reject(schema.ReasonUnknownShape, "%s is %s: expected %q or another word, or true or false", w.path, kindOf(v), w.good)
		}
		if _, given := d.values.get(w.field); !given {
			d.values.derive(w.field, good)
		}
	}
	return nil
}

// derivePeers adds the connected peers where the stats do not count them apart,
// by the document, which calls healthy_peers the connected healthy ones.
func (d *Decoder) derivePeers() {
	healthy, ok := d.values.get(schema.DataNodeHealthyPeers)
	if _, given := d.values.get(schema.DataNodePeersConnected); ok && !given {
		d.values.derive(schema.DataNodePeersConnected, healthy)
	}
}

// dataNodeAttributes takes the node's other facts: the word of its status, of
// which the field only says whether it is the good one, and what it calls itself.
func (d *Decoder) dataNodeAttributes() ([]schema.Label, *schema.Rejection) {
	id, rejection := d.name(partNodeID, "node_id", MaxID)
	if rejection != nil {
		return nil, rejection
	}
	version, rejection := d.name(partVersion, "version", MaxLabelValue)
	if rejection != nil {
		return nil, rejection
	}
	status, rejection := d.status()
	if rejection != nil {
		return nil, rejection
	}
	return d.attributes(
		schema.Label{Name: "node_id", Value: id},
		schema.Label{Name: "status", Value: status},
		schema.Label{Name: "version", Value: version},
	), nil
}

// status returns the word of a node's status and leaves it to words.
func (d *Decoder) status() (string, *schema.Rejection) {
	if !d.has(partStatus) {
		return "", nil
	}
	return d.nameOf(d.parts[partStatus], "", "status", MaxLabelValue)
}

func (d *Decoder) dataNodeDialect() schema.Dialect {
	if d.values.has(schema.DialectStats) {
		return schema.DialectStats
	}
	return schema.DialectHealth
}
