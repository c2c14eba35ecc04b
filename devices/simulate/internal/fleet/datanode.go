package fleet

import (
	"fmt"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
	"weir/devices/simulate/internal/scene"
)

// DataNode is a DataMgmt node.
type DataNode struct {
	Device
	External bool // its health is that of its external API

	state model.DataNode
}

func newDataNode(c *Config, i int) *DataNode {
	d := &DataNode{Device: newDevice(c, scene.DataNode, "datanode", c.DataNodes, i), External: i%2 == 1}
	d.MQTT5 = variant(i, 2) == 0
	d.state = model.NewDataNode(d.noise, c.start())
	d.every(HealthEvery, func(m moment) []Message {
		r := d.read(m)
		if d.External {
			return d.message(KindHealth, payload.ExternalHealth(&r))
		}
		return d.message(KindHealth, payload.InternalHealth(&r))
	})
	d.every(statsEvery, func(m moment) []Message {
		r := d.read(m)
		return d.message(KindStats, payload.Stats(&r, true))
	})
	d.look()
	return d
}

func (d *DataNode) read(m moment) model.DataNodeReading {
	d.state.Advance(m.tick, d.influence)
	return d.state.Reading()
}

func (d *DataNode) message(k Kind, body []byte) []Message {
	return []Message{{Kind: k, Topic: fmt.Sprintf("datamgmt/%s/%s/%s/%s", d.Tenant.Service, d.Tenant.Subservice, d.Name, k), Payload: body}}
}

// Peek returns what the node measures at a simulated moment, without changing
// it.
func (d *DataNode) Peek(elapsed time.Duration) model.DataNodeReading {
	state := d.state
	state.Advance(d.moment(elapsed).tick, d.influence)
	return state.Reading()
}
