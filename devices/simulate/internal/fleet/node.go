package fleet

import (
	"fmt"
	"time"

	"weir/devices/simulate/internal/model"
	"weir/devices/simulate/internal/payload"
	"weir/devices/simulate/internal/scene"
)

// Node is a SPORE node.
type Node struct {
	Device
	IP, Zone string

	state model.Node
}

// firmwareMix: 40 % have 1.0.0, 40 % 1.1.0 and 20 % 1.2.0.
var firmwareMix = [...]string{"1.0.0", "1.1.0", "1.0.0", "1.1.0", "1.2.0"}

// zones is the number of zones.
const zones = 3

func newNode(c *Config, i int) *Node {
	n := &Node{
		Device: newDevice(c, scene.Node, "spore", c.Nodes, i),
		IP:     fmt.Sprintf("10.%d.%d.%d", i/62500%256, i/250%250, i%250+1), Zone: fmt.Sprintf("zone-%d", i%zones+1),
	}
	build := variant(i, 4)
	spec := model.NodeSpec{
		ESP8266: build == 3, Firmware: firmwareMix[i%len(firmwareMix)], FlashBytes: 4 << 20,
		MHz:         [...]int{160, 240, 160, 80}[build],
		MemoryBytes: [...]int{96 << 10, 128 << 10, 64 << 10, 80 << 10}[build],
	}
	n.scene.Firmware = spec.Firmware
	n.MQTT5 = i%3 == 0
	n.keeps, n.wireless = !spec.ESP8266, true
	n.state = model.NewNode(spec, n.noise, c.start())
	n.running = n.state.Up
	n.every(nodeEvery, n.report)
	n.look()
	return n
}

func (n *Node) report(m moment) []Message {
	n.state.Advance(m.tick, n.influence)
	if !n.state.Up() {
		return nil
	}
	message := Message{Kind: KindNode, Topic: fmt.Sprintf("spore/%s/%s/%s/resources", n.Tenant.Service, n.Tenant.Subservice, n.Name)}
	r := n.state.Reading()
	if n.state.Spec.ESP8266 {
		message.Kind, message.Payload = KindESP8266, payload.ESP8266(&r)
	} else {
		node := n.document(&n.state, m)
		message.Payload = node.JSON()
	}
	return []Message{message}
}

func (n *Node) document(state *model.Node, m moment) payload.Node {
	r := state.Reading()
	at := n.clock.Says(m.real, m.elapsed, time.Duration(r.Uptime)*time.Second)
	return payload.NewNode(n.Name, n.IP, n.labels(state), payload.Seconds{Time: at, Exact: n.config.Speed > 5}, &r)
}

func (n *Node) labels(state *model.Node) payload.Labels {
	l := LabelsOf(state.Firmware())
	return payload.Labels{Version: state.Firmware(), Stable: l.Stable, Env: l.Env, Zone: n.Zone, Type: "spore-node"}
}

// Peek returns what a gateway knows of the node at a simulated moment: its
// values, in the gateway's shape whatever its own is; ok is false while it does
// not run or cannot be reached. It does not change the node.
func (n *Node) Peek(elapsed time.Duration) (node payload.Node, ok bool) {
	m := n.moment(elapsed)
	state := n.state
	state.Advance(m.tick, n.influence)
	if !state.Up() || n.influence(m.tick).Offline || n.lost(elapsed) {
		return payload.Node{}, false
	}
	node = n.document(&state, m)
	node.Timestamp.Exact = false // clients of a gateway read whole seconds
	return node, true
}

// Reading returns what the node itself measures at a simulated moment, without
// changing it.
func (n *Node) Reading(elapsed time.Duration) model.NodeReading {
	state := n.state
	state.Advance(n.moment(elapsed).tick, n.influence)
	return state.Reading()
}

// Order rolls a firmware out to the node: it boots with it.
func (n *Node) Order(version string) { n.state.Order(version) }

// Firmware is a version in the registry.
type Firmware struct {
	Name, Version string
	Size          int // bytes
	Stable        string
	Env           string
}

// Registry is the firmwares that there are.
var Registry = []Firmware{
	{"spore-node", "1.0.0", 438_272, "true", "production"},
	{"spore-node", "1.1.0", 441_856, "true", "production"},
	{"spore-node", "1.2.0", 452_608, "false", "beta"},
	{"spore-node", scene.BadVersion, 466_944, "false", "beta"},
}

// LabelsOf returns the firmware of a version; one that the registry does not
// have is beta.
func LabelsOf(version string) Firmware {
	for _, f := range Registry {
		if f.Version == version {
			return f
		}
	}
	return Firmware{Name: "spore-node", Version: version, Stable: "false", Env: "beta"}
}
