package decode_test

import (
	"strings"
	"testing"
)

func TestDecodeGoesByADataNodesBody(t *testing.T) {
	for _, test := range []struct {
		name, topic, payload string
		want, not            string
	}{
		{"stats on the topic for health are stats", healthTopic, `{"total_peers":3}`, "datamgmt data-1\n  dialect stats\n", "status"},
		{"health on the topic for stats is health", statsTopic, `{"status":"healthy"}`, "datamgmt data-1\n  dialect health\n", ""},
		{"both in one", statsTopic, `{"status":"healthy","uptime":0}`, "field status 1\n  field uptime 0\n", ""},
		{"healthy is 1", healthTopic, `{"status":"healthy"}`, "field status 1\n  attribute status healthy\n", ""},
		{"degraded is 0", healthTopic, `{"status":"degraded"}`, "field status 0\n  attribute status degraded\n", ""},
		{"a word that is not known is 0", healthTopic, `{"status":"Healthy"}`, "field status 0\n", ""},
		{"components without a status", healthTopic, `{"components":{"blockchain":"connected"}}`, "field components.blockchain 1\n", "status"},
		{"a component may be true", healthTopic, `{"components":{"blockchain":true,"encryption":false}}`, "field components.blockchain 1\n  field components.encryption 0\n", ""},
		{"a component that is null is absent", healthTopic, `{"status":"healthy","components":{"blockchain":null}}`, "field status 1\n", "blockchain"},
		{"a component that is not known is ignored", healthTopic, `{"status":"healthy","components":{"disk":[1]}}`, "field status 1\n", "disk"},
		{"p2p may say its state in a word", healthTopic, `{"p2p":{"running":"running","peers":0}}`, "field components.p2p_network 1\n  field p2p.peers 0\n", ""},
		{"of both shapes' word for p2p the internal one counts", healthTopic, `{"p2p":{"running":true},"components":{"p2p_network":"stopped"}}`, "field components.p2p_network 0\n", ""},
		{"connected peers are the active ones", statsTopic, `{"healthy_peers":12,"active_peers":11}`, "field p2p.peers 11\n  field healthy_peers 12\n", ""},
		{"or else the healthy ones", statsTopic, `{"healthy_peers":12,"total_peers":15}`, "field p2p.peers 12\n  field total_peers 15\n  field healthy_peers 12\n", ""},
		{"but not all that are known", statsTopic, `{"total_peers":15}`, "field total_peers 15\n", "p2p.peers"},
		{"absent is not 0", statsTopic, `{"total_peers":15}`, "field total_peers 15\n", "uptime"},
		{"null is absent", statsTopic, `{"total_peers":15,"uptime":null}`, "field total_peers 15\n", "uptime"},
		{"a float where the node writes an integer", statsTopic, `{"data_sent":1024.0,"uptime":6.5e1}`, "field data_sent 1024\n  field uptime 65\n", ""},
		{"a time in a string", healthTopic, `{"status":"healthy","timestamp":"2026-01-02T03:04:05+01:00"}`, "clock rfc3339\n  time 2026-01-02T02:04:05Z\n", ""},
		{"a time in float seconds", statsTopic, `{"uptime":1,"timestamp":1767323045.12}`, "clock unix\n  time 2026-01-02T03:04:05.12Z\n", ""},
		{"a time as Rust writes it", statsTopic, `{"uptime":1,"timestamp":{"secs_since_epoch":1767323045,"nanos_since_epoch":6789}}`, "clock epoch\n  time 2026-01-02T03:04:05.000006789Z\n", ""},
		{"a number that is no date", statsTopic, `{"uptime":1,"timestamp":61000}`, "clock uptime\n  presence", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := facts(decodeOne(t, test.topic, test.payload))
			if !strings.Contains(got, test.want) {
				t.Errorf("got %s, want it to have %s", got, test.want)
			}
			if test.not != "" && strings.Contains(got, test.not) {
				t.Errorf("got %s, want it not to have %s", got, test.not)
			}
		})
	}
}
