package broker

import (
	"strings"

	"weir/pkg/schema/decode"
	"weir/services/ingest/internal/topics"
)

// mayPublish reports whether a user may publish on a topic. A mapped one belongs to
// the tenant that its mapping says, whatever its levels look like.
func (b *Broker) mayPublish(user, name string, t *topics.Topic) bool {
	u := b.cfg.Users
	switch {
	case u == nil:
		return true
	case t.Kind == decode.TopicMapped:
		return u.MayPublishFor(user, t.Tenant)
	}
	return u.MayPublish(user, name)
}

// maySubscribe reports whether a user may receive what a filter matches, or what
// comes on a topic. Mappings look at a filter as if it were a topic: a wildcard names
// no tenant. The filter may match topics of others all the same: each message is
// looked at again when it is handed on.
func (b *Broker) maySubscribe(user, filter string) bool {
	u := b.cfg.Users
	if u == nil {
		return true
	}
	topic := filter
	if rest, shared := strings.CutPrefix(filter, "$share/"); shared {
		_, topic, _ = strings.Cut(rest, "/")
	}
	if t := b.cfg.Topics.Parse(topic); t.Kind == decode.TopicMapped {
		return u.MaySubscribeFor(user, t.Tenant)
	}
	return u.MaySubscribe(user, filter)
}
