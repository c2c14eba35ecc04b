package decode

import "weir/pkg/schema"

// TopicKind says what a topic of ours carries.
type TopicKind uint8

// The kinds of topics.
const (
	TopicBad            TopicKind = 0 // nearly one of ours; Topic.Detail says what is wrong
	TopicCreate         TopicKind = 1 // Propeller: a proplet registers
	TopicAlive          TopicKind = 2 // Propeller: a proplet's heartbeat, and its will
	TopicTaskMetrics    TopicKind = 3 // Propeller: control/proplet/task_metrics and metrics/proplet
	TopicPropletMetrics TopicKind = 4 // Propeller: control/proplet/metrics
	TopicResources      TopicKind = 5 // SPORE: a node's resources, or a gateway's whole document
)

// Topic is a parsed topic of ours.
type Topic struct {
	Kind   TopicKind
	Tenant schema.Tenant // zero for TopicBad
	Name   string        // TopicResources: the hostname level, else ""
	Detail string        // TopicBad: which level is wrong and what is expected, else ""
}

// ParseTopic parses an MQTT topic.
func ParseTopic(topic string) (Topic, bool) { return Topic{}, false }
