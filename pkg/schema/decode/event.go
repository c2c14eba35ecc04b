package decode

import (
	"strings"

	"weir/pkg/schema"
	"weir/pkg/schema/pulltopic"
	"weir/pkg/schema/pushtopic"
)

// ParseEvent parses the topic of an event, which means what the way by which the
// event came makes of it: an MQTT client that publishes on "/notices" notifies
// nobody. It returns false for a topic that is none of ours on this way.
//
// A dead letter that is put in again may have come by any way: what begins with a
// slash is taken for a request if it reads as one.
func ParseEvent(route schema.Route, topic string) (Topic, bool) {
	switch route {
	case schema.RouteRule:
		return ParseRuleTopic(topic)
	case schema.RouteHTTP:
		return parsePushed(topic)
	case schema.RoutePull:
		return parsePulled(topic)
	case schema.RouteReplay:
		if !strings.HasPrefix(topic, "/") {
			break
		}
		if t, ok := parsePushed(topic); ok && t.Kind != TopicBad {
			return t, true
		}
		if t, ok := parsePulled(topic); ok && t.Kind != TopicBad {
			return t, true
		}
	}
	return ParseTopic(topic)
}

var pushedKinds = map[pushtopic.Kind]TopicKind{
	pushtopic.Notice: TopicNotice, pushtopic.Push: TopicPush, pushtopic.RemoteWrite: TopicRemoteWrite, pushtopic.Influx: TopicInflux,
}

func parsePushed(topic string) (Topic, bool) {
	if !pushtopic.Is(topic) {
		return Topic{}, false
	}
	t, err := pushtopic.Parse(topic)
	if err != nil {
		return badTopic("%s", oneLine(err)), true
	}
	return Topic{Kind: pushedKinds[t.Kind], Tenant: t.Tenant(), Pushed: &t}, true
}

func parsePulled(topic string) (Topic, bool) {
	if !pulltopic.Is(topic) {
		return Topic{}, false
	}
	t, err := pulltopic.Parse(topic)
	if err != nil {
		return badTopic("%s", oneLine(err)), true
	}
	return Topic{Kind: TopicPulled, Tenant: t.Tenant, Pulled: &t}, true
}

// maxDetail is how much of an error a detail shows.
const maxDetail = 500

// oneLine shows an error in a detail: in one line of ASCII, not too long.
func oneLine(err error) string { return inASCII(strings.ReplaceAll(err.Error(), "\n", "; ")) }
