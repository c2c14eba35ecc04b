package fold

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
	"weir/pkg/schema/decode/mapping"
)

// A fleet uses few topics over and over. The cache only saves work: what it
// forgets is parsed again, with the same result.
const (
	maxCachedTopics     = 1 << 14
	maxCachedTopicBytes = 512 // longer ones are parsed each time
)

type cachedTopic struct {
	decode.Topic
	ours bool
	hash uint64

	tenant *tenant // nil before its first event
}

// topicCache knows topics by the routes on which they came: what a topic means
// depends on the route. Rules and ingest itself have topics of their own, to which
// nobody else can write.
type topicCache struct {
	known [numRoutes]map[string]*cachedTopic
}

// numRoutes is more than the routes that a frame can name.
const numRoutes = 16

// get returns an event's topic, which may be one that a set maps: the same one
// until the cache is cleared.
func (c *topicCache) get(e *schema.Event, set *mapping.Set) *cachedTopic {
	known := &c.known[e.Route%numRoutes]
	if t, ok := (*known)[e.Topic]; ok {
		return t
	}
	topic := strings.Clone(e.Topic) // the frame's memory must not stay for its sake
	t := &cachedTopic{hash: xxhash.Sum64String(topic)}
	t.Topic, t.ours = decode.ParseMapped(set, e.Route, topic)
	if len(topic) > maxCachedTopicBytes {
		return t
	}
	if *known == nil || len(*known) >= maxCachedTopics {
		*known = map[string]*cachedTopic{}
	}
	(*known)[topic] = t
	return t
}
