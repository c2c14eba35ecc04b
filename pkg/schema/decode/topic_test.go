package decode_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"weir/pkg/schema"
	"weir/pkg/schema/decode"
)

func TestParseTopic(t *testing.T) {
	tenant := schema.Tenant{Service: "domain-123", Subservice: "channel-456"}
	factory := schema.Tenant{Service: "factory", Subservice: "hall-1"}
	for _, test := range []struct {
		name, topic string
		want        decode.Topic
	}{
		{"a registration is ours", "m/domain-123/c/channel-456/control/proplet/create", decode.Topic{Kind: decode.TopicCreate, Tenant: tenant}},
		{"a heartbeat is ours", "m/domain-123/c/channel-456/control/proplet/alive", decode.Topic{Kind: decode.TopicAlive, Tenant: tenant}},
		{"task metrics are ours", "m/domain-123/c/channel-456/control/proplet/task_metrics", decode.Topic{Kind: decode.TopicTaskMetrics, Tenant: tenant}},
		{"the document's topic for task metrics is ours", "m/domain-123/c/channel-456/metrics/proplet", decode.Topic{Kind: decode.TopicTaskMetrics, Tenant: tenant}},
		{"proplet metrics are ours", "m/domain-123/c/channel-456/control/proplet/metrics", decode.Topic{Kind: decode.TopicPropletMetrics, Tenant: tenant}},
		{"a node's resources are ours", "spore/factory/hall-1/spore-a/resources", decode.Topic{Kind: decode.TopicResources, Tenant: factory, Name: "spore-a"}},
		{"a gateway's resources are ours", "spore/factory/hall-1/gateway/resources", decode.Topic{Kind: decode.TopicResources, Tenant: factory, Name: "gateway"}},
		{"a data node's health is ours", "datamgmt/factory/hall-1/data-1/health", decode.Topic{Kind: decode.TopicDataNode, Tenant: factory, Name: "data-1"}},
		{"a data node's stats are ours", "datamgmt/factory/hall-1/data-1/stats", decode.Topic{Kind: decode.TopicDataNode, Tenant: factory, Name: "data-1"}},
		{"a hostname may have any characters that can be printed", "spore/factory/hall-1/Küche 1+/resources", decode.Topic{Kind: decode.TopicResources, Tenant: factory, Name: "Küche 1+"}},
		{"a hostname may be as long as an id", "spore/factory/hall-1/" + strings.Repeat("x", decode.MaxID) + "/resources", decode.Topic{Kind: decode.TopicResources, Tenant: factory, Name: strings.Repeat("x", decode.MaxID)}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, ok := decode.ParseTopic(test.topic); !ok || got != test.want {
				t.Errorf("ParseTopic(%q) = %+v, %v; want %+v", test.topic, got, ok, test.want)
			}
		})
	}
}

func TestParseTopicLeavesOtherTopicsAlone(t *testing.T) {
	for _, topic := range []string{
		"",
		"/",
		"m",
		"m/d/c/ch",
		"sensors/a",
		"m/d/c/ch/control/proplet/results",
		"m/d/c/ch/control/proplet/invoke_results",
		"m/d/c/ch/control/proplet",
		"m/d/c/ch/control/proplet/alive/x",
		"m/d/c/ch/control/proplet/alive/",
		"m/d/c/ch/registry/proplet",
		"m/d/c/ch/registry/server",
		"m/d/c/ch/fl/rounds/1/updates/p",
		"m/d/c/ch/fl/rounds/start",
		"m/d/c/ch/control/manager/start",
		"m/d/c/ch/control/manager/registry",
		"m/d/c/ch/messages",
		"m/d/x/ch/control/proplet/alive",
		"m/d/c/ch/control//",
		"m//c//fl/rounds/start",
		"/m/d/c/ch/control/proplet/alive",
		"M/d/c/ch/control/proplet/alive",
		"m/d/c/ch/metrics/proplet/x",
		"m/" + strings.Repeat("x/", 1000),
		"spore/s/ss/host/status",
		"spore/s/ss/host/resources/x",
		"spore/s/ss/host/resources/",
		"sporex/s/ss/host/resources",
		"spore/",
		"datamgmt/s/ss/n",
		"datamgmt/s/ss/n/peers",
		"datamgmt/s/ss/n/network/statistics",
		"datamgmt/s/ss/n/health/",
		"datamgmtx/s/ss/n/health",
		"s/ss/n/health",
		"resources",
	} {
		if got, ok := decode.ParseTopic(topic); ok || got != (decode.Topic{}) {
			t.Errorf("ParseTopic(%q) = %+v, %v; want none of ours", topic, got, ok)
		}
	}
}

func TestParseTopicNamesTheBadLevel(t *testing.T) {
	long := strings.Repeat("x", schema.MaxTenantName+1)
	for _, test := range []struct{ name, topic, detail string }{
		{"an empty domain", "m//c/ch/control/proplet/alive", "level 2 of the topic, the domain, is empty"},
		{"an empty channel", "m/d/c//metrics/proplet", "level 4 of the topic, the channel, is empty"},
		{"a domain with a space", "m/a b/c/ch/control/proplet/alive", `level 2 of the topic, the domain, is "a b"`},
		{"a channel that is too long", "m/d/c/" + long + "/control/proplet/create", "level 4 of the topic, the channel, is \"xxxx"},
		{"a domain of invalid UTF-8", "m/\xff/c/ch/control/proplet/alive", `level 2 of the topic, the domain, is "\xff"`},
		{"an empty last level", "m/d/c/ch/control/proplet/", "level 7 of the topic is empty"},
		{"an empty level before metrics", "m/d/c/ch/control//metrics", "level 6 of the topic is empty"},
		{"an empty level of the document's topic", "m/d/c/ch/metrics/", "level 6 of the topic is empty"},
		{"an empty service", "spore//ss/host/resources", "level 2 of the topic, the service, is empty"},
		{"an empty subservice", "spore/s//host/resources", "level 3 of the topic, the subservice, is empty"},
		{"a subservice with an umlaut", "spore/s/süd/host/resources", "level 3 of the topic, the subservice, is"},
		{"an empty hostname", "spore/s/ss//resources", "level 4 of the topic, the hostname, is empty"},
		{"a hostname that is too long", "spore/s/ss/" + strings.Repeat("h", decode.MaxID+1) + "/resources", "the hostname, has 257 bytes, and may have 256"},
		{"a hostname of invalid UTF-8", "spore/s/ss/h\xc3/resources", "the hostname, is not valid UTF-8"},
		{"a hostname with a control character", "spore/s/ss/h\u0085/resources", "the hostname, has the control character U+0085"},
		{"a level too few", "spore/s/host/resources", "the topic has 4 levels: expected 5"},
		{"no level at all", "spore/resources", "the topic has 2 levels: expected 5"},
		{"a level too many", "spore/s/ss/x/host/resources", "the topic has 6 levels: expected 5"},
		{"a data node's topic without a service", "datamgmt//ss/n/health", "level 2 of the topic, the service, is empty"},
		{"a data node's topic with a bad subservice", "datamgmt/s/a b/n/stats", `level 3 of the topic, the subservice, is "a b"`},
		{"a data node without a name", "datamgmt/s/ss//stats", "level 4 of the topic, the node, is empty: expected datamgmt/{service}/{subservice}/{node}/health or stats"},
		{"a data node's topic with the path of its API", "datamgmt/s/ss/n/network/stats", "the topic has 6 levels: expected 5, datamgmt/"},
		{"a data node's topic with a level too few", "datamgmt/s/n/health", "the topic has 4 levels: expected 5, datamgmt/"},
		{"many levels too many", "spore/" + strings.Repeat("x/", 100) + "resources", "the topic has 102 levels: expected 5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, ok := decode.ParseTopic(test.topic)
			if !ok || got.Kind != decode.TopicBad {
				t.Fatalf("ParseTopic(%q) = %+v, %v; want a bad topic", test.topic, got, ok)
			}
			if !strings.Contains(got.Detail, test.detail) {
				t.Errorf("detail %q does not say %q", got.Detail, test.detail)
			}
			checkBadTopic(t, got)
		})
	}
}

// checkBadTopic checks what holds of every bad topic.
func checkBadTopic(t *testing.T, topic decode.Topic) {
	t.Helper()
	if topic.Tenant != (schema.Tenant{}) || topic.Name != "" {
		t.Errorf("a bad topic has a tenant or a name: %+v", topic)
	}
	if !utf8.ValidString(topic.Detail) || !strings.Contains(topic.Detail, "expected") || len(topic.Detail) > 400 {
		t.Errorf("bad detail %q", topic.Detail)
	}
	readings, rejection := decode.New().Decode(topic, []byte(`{}`))
	if len(readings) != 0 || rejection == nil || rejection.Reason != schema.ReasonBadTopic ||
		rejection.Detail != topic.Detail || rejection.Offset != -1 {
		t.Errorf("Decode = %v, %v; want bad_topic", readings, rejection)
	}
}

func TestParseTopicDoesNotAllocate(t *testing.T) {
	for _, m := range messages(t) {
		if n := testing.AllocsPerRun(100, func() { decode.ParseTopic(m.topic) }); n != 0 {
			t.Errorf("ParseTopic(%q) allocates %v times", m.topic, n)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	for _, m := range messages(f) {
		f.Add(m.topic)
	}
	for _, topic := range []string{"", "m//c//metrics/proplet", "spore/a/b//resources", "datamgmt/a/b//stats", "spore/\x00/b/c/resources", "m/d/c/ch/control/proplet/"} {
		f.Add(topic)
	}
	f.Fuzz(func(t *testing.T, s string) {
		topic, ok := decode.ParseTopic(s)
		again, okAgain := decode.ParseTopic(s)
		switch {
		case topic != again || ok != okAgain:
			t.Errorf("%+v, then %+v", topic, again)
		case !ok:
			if topic != (decode.Topic{}) {
				t.Errorf("not ours, but %+v", topic)
			}
		case topic.Kind == decode.TopicBad:
			checkBadTopic(t, topic)
		default:
			checkGoodTopic(t, topic)
		}
	})
}

func checkGoodTopic(t *testing.T, topic decode.Topic) {
	t.Helper()
	if !schema.ValidTenantName(topic.Tenant.Service) || !schema.ValidTenantName(topic.Tenant.Subservice) {
		t.Errorf("bad tenant: %+v", topic)
	}
	if (topic.Name != "") != (topic.Kind == decode.TopicResources || topic.Kind == decode.TopicDataNode) || len(topic.Name) > decode.MaxID || !utf8.ValidString(topic.Name) {
		t.Errorf("bad name: %+v", topic)
	}
	if topic.Detail != "" {
		t.Errorf("a good topic has a detail: %+v", topic)
	}
}
