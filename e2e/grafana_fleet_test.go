package e2e

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"time"

	"weir/devices/loadgen"
)

// fleetStep is how often the simulated devices send.
const fleetStep = 30 * time.Second

// member is a simulated device that has sent for a while.
type member struct {
	topic   string
	silent  time.Duration                    // how long before the end it fell silent
	payload func(n int, at time.Time) string // its n-th message
}

// messages are what the member has sent from begin to end.
func (m member) messages(begin, end time.Time) iter.Seq[loadgen.Message] {
	return func(yield func(loadgen.Message) bool) {
		for n, at := 0, begin; !at.After(end.Add(-m.silent)); n, at = n+1, at.Add(fleetStep) {
			if !yield(loadgen.Message{Topic: m.topic, Payload: []byte(m.payload(n, at))}) {
				return
			}
		}
	}
}

// count is how many messages the member has sent.
func (m member) count(begin, end time.Time) uint64 {
	return uint64(end.Add(-m.silent).Sub(begin)/fleetStep) + 1
}

// fleet is a few devices of every kind, in two tenants, some in trouble.
func fleet(begin, end time.Time) []member {
	upgrade := begin.Add(end.Sub(begin) / 2)
	until := func(old, new string) func(time.Time) string {
		return func(at time.Time) string {
			if at.Before(upgrade) {
				return old
			}
			return new
		}
	}
	const gone = 20 * time.Minute
	return []member{
		sporeMember("factory/hall-1", "spore-a", "zone-1", until("1.0.0", "1.1.0"), 35, -60, 0),
		sporeMember("factory/hall-1", "spore-b", "zone-1", until("1.0.0", "1.0.0"), 96, -95, 0),
		sporeMember("factory/hall-1", "spore-c", "zone-2", until("1.1.0", "1.1.0"), 20, -70, 0),
		sporeMember("farm/yard", "spore-d", "zone-2", until("1.2.0", "1.2.0"), 50, -80, gone),
		esp8266Member("farm/yard", "spore-e"),
		taskMember("factory/hall-1", "proplet-1", "task-1", 40, 0),
		taskMember("factory/hall-1", "proplet-1", "task-2", 10, 0),
		taskMember("farm/yard", "proplet-2", "task-3", 70, gone),
		propletMember("factory/hall-1", "proplet-1"),
		propletMember("farm/yard", "proplet-2"),
		internalHealthMember("factory/hall-1", "data-1", "healthy", "connected", "running", "initialized"),
		internalHealthMember("farm/yard", "data-2", "degraded", "disconnected", "stopped", "missing"),
		externalHealthMember("factory/hall-1", "data-1", 12),
		externalHealthMember("farm/yard", "data-2", 2),
		dataStatsMember("factory/hall-1", "data-1", 12),
		dataStatsMember("farm/yard", "data-2", 2),
	}
}

// wave goes up and down around level.
func wave(level float64, n int) float64 {
	return math.Round(100*(level+level/10*math.Sin(float64(n)/7))) / 100
}

// sporeMember is a node of which everything is used to the same share.
func sporeMember(tenant, node, zone string, version func(time.Time) string, used float64, rssi int, silent time.Duration) member {
	return member{"spore/" + tenant + "/" + node + "/resources", silent, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"timestamp":%d,"node_ip":"10.0.0.5","hostname":%q,"cpu":{"frequency_mhz":160,"usage_percent":%v,"temperature_c":%v},
 "memory":{"total_bytes":98304,"usage_percent":%v},
 "network":{"bytes_sent":%d,"bytes_received":%d,"packets_sent":%d,"packets_received":%d,"rssi_dbm":%d},
 "flash":{"total_bytes":4194304,"usage_percent":%v},
 "labels":{"version":%q,"stable":"true","env":"production","zone":%q}}`,
			at.Unix(), node, wave(used, n), wave(50, n), wave(used, n), n*3000, n*5000, n*30, n*50, rssi, wave(used, n), version(at), zone)
	}}
}

// esp8266Member is a node of the other shape, without labels and network.
func esp8266Member(tenant, node string) member {
	return member{"spore/" + tenant + "/" + node + "/resources", 0, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"timestamp":%d,"cpu":{"current_usage":%v,"average_usage":10},"memory":{"free_heap":%d,"total_heap":81920},
 "filesystem":{"total_bytes":2072576,"used_bytes":518144},"system":{"uptime_seconds":%d}}`, at.Unix(), wave(12, n), 24576+n, n*30)
	}}
}

func taskMember(tenant, proplet, task string, cpu float64, silent time.Duration) member {
	return member{propellerTopicOf(tenant, "task_metrics"), silent, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"task_id":%q,"proplet_id":%q,"metrics":{"cpu_percent":%v,"memory_bytes":%d,"memory_percent":0.4,
 "disk_read_bytes":%d,"disk_write_bytes":%d,"network_rx_bytes":%d,"network_tx_bytes":%d,
 "uptime_seconds":%d,"thread_count":3,"file_descriptor_count":%d,"timestamp":%q}}`,
			task, proplet, wave(cpu, n), 7340032+n*4096, n*4096, n*8192, n*1000, n*2000, n*30, 11+n%5, at.UTC().Format(time.RFC3339Nano))
	}}
}

func propletMember(tenant, proplet string) member {
	return member{propellerTopicOf(tenant, "metrics"), 0, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"proplet_id":%q,"namespace":"default","metrics":{"version":"v1","timestamp":%q,
 "cpu":{"user_seconds":%v,"system_seconds":%v,"percent":%v},
 "memory":{"rss_bytes":%d,"heap_alloc_bytes":3145728,"heap_sys_bytes":8388608,"heap_inuse_bytes":%d,
 "container_usage_bytes":30000000,"container_limit_bytes":536870912}}}`,
			proplet, at.UTC().Format(time.RFC3339Nano), 0.21*float64(n), 0.05*float64(n), wave(1.5, n), 20971520+n, 4194304+n)
	}}
}

func propellerTopicOf(tenant, suffix string) string {
	domain, channel, _ := strings.Cut(tenant, "/")
	return "m/" + domain + "/c/" + channel + "/control/proplet/" + suffix
}

func internalHealthMember(tenant, node, status, blockchain, p2p, encryption string) member {
	return member{"datamgmt/" + tenant + "/" + node + "/health", 0, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"status":%q,"components":{"blockchain":%q,"p2p_network":%q,"encryption":%q},"version":"0.1.0","timestamp":%d}`,
			status, blockchain, p2p, encryption, at.Unix())
	}}
}

func externalHealthMember(tenant, node string, peers int) member {
	return member{"datamgmt/" + tenant + "/" + node + "/health", 0, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"status":"%s","p2p":{"running":%t,"peers":%d},"timestamp":%d}`,
			map[bool]string{true: "healthy", false: "degraded"}[peers > 2], peers > 2, peers, at.Unix())
	}}
}

func dataStatsMember(tenant, node string, peers int) member {
	return member{"datamgmt/" + tenant + "/" + node + "/stats", 0, func(n int, at time.Time) string {
		return fmt.Sprintf(`{"total_peers":15,"healthy_peers":%d,"active_peers":%d,"bootstrap_nodes":2,"avg_latency_ms":%v,
 "data_sent":%d,"data_received":%d,"uptime":%d,"requests_total":%d,"errors_total":%d,
 "data_shares_total":%d,"data_retrievals_total":%d,"data_verifications_total":%d,"timestamp":%d.5}`,
			peers, peers, wave(8, n), n*1024, n*2048, n*30, n*40, n*3, n*2, n*5, n*2, at.Unix())
	}}
}
