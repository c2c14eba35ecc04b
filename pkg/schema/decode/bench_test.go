package decode_test

import (
	"testing"

	"weir/pkg/schema/decode"
)

func BenchmarkDecode(b *testing.B) {
	for _, m := range messages(b) {
		b.Run(m.name, func(b *testing.B) {
			topic, _ := decode.ParseTopic(m.topic)
			d := decode.New()
			b.ReportAllocs()
			b.SetBytes(int64(len(m.payload)))
			for b.Loop() {
				d.Decode(topic, m.payload)
			}
		})
	}
}

func BenchmarkParseTopic(b *testing.B) {
	for _, topic := range []string{
		"m/domain-123/c/channel-456/control/proplet/task_metrics",
		"spore/factory/hall-1/spore-a/resources",
		"m/domain-123/c/channel-456/control/manager/start",
	} {
		b.Run(topic, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				decode.ParseTopic(topic)
			}
		})
	}
}
