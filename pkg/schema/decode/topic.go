package decode

import (
	"fmt"
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/mapping"
	"weir/pkg/schema/pulltopic"
	"weir/pkg/schema/pushtopic"
)

// TopicKind says what a topic of ours carries.
type TopicKind uint8

// The kinds of topics. A kind says what a device is expected to send there;
// what it did send is seen from the payload.
const (
	TopicBad            TopicKind = 0 // nearly one of ours: Topic.Detail says what is wrong
	TopicCreate         TopicKind = 1 // Propeller: a proplet registers
	TopicAlive          TopicKind = 2 // Propeller: a proplet's heartbeat, and its will
	TopicTaskMetrics    TopicKind = 3 // Propeller: control/proplet/task_metrics and metrics/proplet
	TopicPropletMetrics TopicKind = 4 // Propeller: control/proplet/metrics
	TopicResources      TopicKind = 5 // SPORE: a node's resources, or a gateway's whole document
	TopicDataNode       TopicKind = 6 // DataMgmt: a node's health, and its stats
	TopicRecorded       TopicKind = 7 // weir: what our own rules recorded; see ParseRuleTopic

	TopicExposition  TopicKind = 8  // exposition text over MQTT
	TopicNotice      TopicKind = 9  // HTTP: a FIWARE notification
	TopicPush        TopicKind = 10 // HTTP: a group of metrics, as the Pushgateway takes them
	TopicRemoteWrite TopicKind = 11 // HTTP: Prometheus' remote write
	TopicInflux      TopicKind = 12 // HTTP: InfluxDB's line protocol
	TopicPulled      TopicKind = 13 // what ingest fetched; Topic.Pulled says what it is

	topicNodeStatus TopicKind = 14 // SPORE: a node's status, within TopicPulled

	TopicMapped   TopicKind = 15 // a topic that a mapping is for; Topic.Mapped says how it is read
	TopicMappings TopicKind = 16 // weir: the mappings that hold from here on; see ParseRuleTopic
)

// String returns the kind's name.
func (k TopicKind) String() string {
	switch k {
	case TopicBad:
		return "bad"
	case TopicCreate:
		return "create"
	case TopicAlive:
		return "alive"
	case TopicTaskMetrics:
		return "task_metrics"
	case TopicPropletMetrics:
		return "proplet_metrics"
	case TopicResources:
		return "resources"
	case TopicDataNode:
		return "data_node"
	case TopicRecorded:
		return "recorded"
	case TopicExposition:
		return "exposition"
	case TopicNotice:
		return "notice"
	case TopicPush:
		return "push"
	case TopicRemoteWrite:
		return "remote_write"
	case TopicInflux:
		return "influx"
	case TopicPulled:
		return "pulled"
	case TopicMapped:
		return "mapped"
	case TopicMappings:
		return "mappings"
	}
	return fmt.Sprintf("topic_kind_%d", uint8(k))
}

// Topic is a parsed topic of ours.
type Topic struct {
	Kind   TopicKind
	Tenant schema.Tenant // zero for TopicBad, and for those of our own rules, whose readings have their own
	Name   string        // TopicResources: the hostname level; TopicDataNode: the node level; TopicExposition: the device level; else ""
	Detail string        // TopicBad: which level is wrong and what is expected, else ""

	Pushed *pushtopic.Topic // of what came over HTTP, else nil
	Pulled *pulltopic.Topic // of TopicPulled, else nil
	Mapped *mapping.Match   // of TopicMapped, else nil
}

// The topics, for details.
const (
	propellerTopic = "m/{domain}/c/{channel}/…"
	sporeTopic     = "spore/{service}/{subservice}/{hostname}/resources"
	dataNodeTopic  = "datamgmt/{service}/{subservice}/{node}/health or stats"
	expoTopic      = "expo/{service}/{subservice}/{device}/metrics"
)

// ParseTopic parses an MQTT topic. It returns false for a topic that is not one
// of ours: the broker carries it to its subscribers, and nothing else happens.
// A topic that is nearly one of ours, which its sender took for one, is a
// TopicBad. The Topic's strings are parts of topic.
//
// Ours are m/{domain}/c/{channel}/control/proplet/{create|alive|task_metrics|metrics},
// m/{domain}/c/{channel}/metrics/proplet,
// spore/{service}/{subservice}/{hostname}/resources,
// datamgmt/{service}/{subservice}/{node}/{health|stats} and
// expo/{service}/{subservice}/{device}/metrics.
func ParseTopic(topic string) (Topic, bool) {
	switch {
	case strings.HasPrefix(topic, "m/"):
		return parsePropeller(topic)
	case strings.HasPrefix(topic, "spore/") && strings.HasSuffix(topic, "/resources"):
		return parseNamed(topic, TopicResources, "hostname", sporeTopic), true
	case strings.HasPrefix(topic, "datamgmt/") && (strings.HasSuffix(topic, "/health") || strings.HasSuffix(topic, "/stats")):
		return parseNamed(topic, TopicDataNode, "node", dataNodeTopic), true
	case strings.HasPrefix(topic, "expo/") && strings.HasSuffix(topic, "/metrics"):
		return parseNamed(topic, TopicExposition, "device", expoTopic), true
	}
	return Topic{}, false
}

// maxLevels is one more than the longest topic of ours has levels.
const maxLevels = 8

// split cuts a topic into its levels. It gives up after maxLevels: such a topic
// is none of ours, whatever follows.
func split(topic string) (levels [maxLevels]string, n int) {
	for n < maxLevels {
		level, rest, more := strings.Cut(topic, "/")
		levels[n] = level
		n++
		if !more {
			break
		}
		topic = rest
	}
	return levels, n
}

// propellerSuffixes are the ends of Propeller's topics that we take, behind
// m/{domain}/c/{channel}.
var propellerSuffixes = []struct {
	levels []string
	kind   TopicKind
}{
	{[]string{"control", "proplet", "task_metrics"}, TopicTaskMetrics},
	{[]string{"control", "proplet", "alive"}, TopicAlive},
	{[]string{"control", "proplet", "metrics"}, TopicPropletMetrics},
	{[]string{"control", "proplet", "create"}, TopicCreate},
	{[]string{"metrics", "proplet"}, TopicTaskMetrics},
}

func parsePropeller(topic string) (Topic, bool) {
	levels, n := split(topic)
	if n < 6 || levels[2] != "c" {
		return Topic{}, false
	}
	kind, empty, ok := matchSuffix(levels[4:n])
	switch {
	case !ok:
		return Topic{}, false
	case empty >= 0:
		return badTopic("level %d of the topic is empty: expected %s with control/proplet/create, alive, task_metrics or metrics, or metrics/proplet", empty+5, propellerTopic), true
	case !schema.ValidTenantName(levels[1]):
		return badTenant("domain", 2, levels[1], propellerTopic), true
	case !schema.ValidTenantName(levels[3]):
		return badTenant("channel", 4, levels[3], propellerTopic), true
	}
	return Topic{Kind: kind, Tenant: schema.Tenant{Service: levels[1], Subservice: levels[3]}}, true
}

// matchSuffix finds the suffix that levels are. One level may be empty, which
// is then the index that it returns, else -1.
func matchSuffix(levels []string) (kind TopicKind, empty int, ok bool) {
	for _, s := range propellerSuffixes {
		if at, ok := matchLevels(levels, s.levels); ok {
			return s.kind, at, true
		}
	}
	return TopicBad, -1, false
}

func matchLevels(levels, want []string) (empty int, ok bool) {
	if len(levels) != len(want) {
		return -1, false
	}
	empty = -1
	for i, w := range want {
		switch {
		case levels[i] == w:
		case levels[i] == "" && empty < 0:
			empty = i
		default:
			return -1, false
		}
	}
	return empty, true
}

// parseNamed parses a topic of the form {system}/{service}/{subservice}/{name}/…,
// whose first and last levels are known; what says what the name is, pattern
// what is expected.
func parseNamed(topic string, kind TopicKind, what, pattern string) Topic {
	levels, n := split(topic)
	if n != 5 {
		return badTopic("the topic has %d levels: expected 5, %s", strings.Count(topic, "/")+1, pattern)
	}
	switch fault := textFault(levels[3], MaxID); {
	case !schema.ValidTenantName(levels[1]):
		return badTenant("service", 2, levels[1], pattern)
	case !schema.ValidTenantName(levels[2]):
		return badTenant("subservice", 3, levels[2], pattern)
	case levels[3] == "":
		return badTopic("level 4 of the topic, the %s, is empty: expected %s", what, pattern)
	case fault != "":
		return badTopic("level 4 of the topic, the %s, %s: expected %s", what, fault, pattern)
	}
	return Topic{
		Kind:   kind,
		Tenant: schema.Tenant{Service: levels[1], Subservice: levels[2]},
		Name:   levels[3],
	}
}

func badTenant(what string, level int, name, topic string) Topic {
	if name == "" {
		return badTopic("level %d of the topic, the %s, is empty: expected %s", level, what, topic)
	}
	return badTopic("level %d of the topic, the %s, is %s: expected 1 to %d ASCII letters, digits, '_', '-' or '.'",
		level, what, quote(name), schema.MaxTenantName)
}

func badTopic(format string, args ...any) Topic {
	return Topic{Kind: TopicBad, Detail: fmt.Sprintf(format, args...)}
}
