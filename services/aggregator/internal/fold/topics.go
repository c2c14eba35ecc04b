package fold

import (
	"strings"

	"github.com/cespare/xxhash/v2"

	"weir/pkg/schema/decode"
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

type topicCache struct {
	known map[string]*cachedTopic
}

func (c *topicCache) get(topic string) *cachedTopic {
	if t, ok := c.known[topic]; ok {
		return t
	}
	topic = strings.Clone(topic) // the frame's memory must not stay for its sake
	t := &cachedTopic{hash: xxhash.Sum64String(topic)}
	t.Topic, t.ours = decode.ParseTopic(topic)
	if len(topic) > maxCachedTopicBytes {
		return t
	}
	if c.known == nil || len(c.known) >= maxCachedTopics {
		c.known = map[string]*cachedTopic{}
	}
	c.known[topic] = t
	return t
}
