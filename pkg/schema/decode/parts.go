package decode

import "github.com/valyala/fastjson"

// part is a field that is no measured value, or holds several.
type part uint8

// The parts of Propeller's, of SPORE's and of DataMgmt's messages.
const (
	partTaskID part = iota
	partPropletID
	partNamespace
	partStatus
	partMetadata
	partTimestamp
	partMetrics
	partAggregated
	partCPUMetrics
	partMemoryMetrics
	partInnerTimestamp // the inner ones stand in metrics
	partInnerVersion
	partInnerCPU
	partInnerMemory

	partNodes
	partNodeIP
	partHostname
	partLabels
	partCPU
	partMemory
	partNetwork
	partFlash
	partFilesystem
	partSystem

	partVersion
	partNodeID
	partComponents
	partBlockchain // these three stand in components
	partP2PNetwork
	partEncryption
	partP2P
	partRunning // which stands in p2p

	numParts
)

// parts holds what was found of an object until it is used. The values are the
// parser's, and valid until it parses the next payload.
type parts [numParts]*fastjson.Value

// put keeps a value in its place. Of a repeated name the last one counts.
func (d *Decoder) put(place **fastjson.Value, v *fastjson.Value) {
	if *place != nil {
		d.ignore(*place)
	}
	*place = v
}

// take returns a part to be used, nil if it is absent or null.
func (d *Decoder) take(p part) *fastjson.Value {
	v := d.parts[p]
	d.parts[p] = nil
	if v == nil || v.Type() == fastjson.TypeNull {
		return nil
	}
	return v
}

// has reports whether a part is there and not null.
func (d *Decoder) has(p part) bool {
	return d.parts[p] != nil && d.parts[p].Type() != fastjson.TypeNull
}

// isObject reports whether a part is an object.
func (d *Decoder) isObject(p part) bool {
	return d.parts[p] != nil && d.parts[p].Type() == fastjson.TypeObject
}

// ignoreRest looks over the parts that were not used.
func (d *Decoder) ignoreRest() {
	for i, v := range d.parts {
		if v != nil {
			d.ignore(v)
			d.parts[i] = nil
		}
	}
}
