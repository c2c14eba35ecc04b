package aggregator

import (
	"path/filepath"
	"slices"
	"testing"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
	"weir/pkg/schema/frame"
)

func TestMeasuringFoldsEveryFrame(t *testing.T) {
	var encoded [][]byte
	for _, f := range (foldtest.Fleet{Tasks: 2, Clients: 1, Events: 100}).Frames(1, 10) {
		data, err := frame.Encode(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		encoded = append(encoded, data)
	}
	var done, events uint64
	m, err := MeasureFold(t.Context(), MeasureFoldConfig{
		Dir: filepath.Join(t.TempDir(), "state"), Frames: encoded,
		Progress: func(d, _, e uint64) { done, events = d, e },
	})
	if err != nil || done != 10 || events != 1000 || m.Took <= 0 || m.HistoryBytes == 0 {
		t.Errorf("%+v after %d frames with %d events, error %v", m, done, events, err)
	}
}

func TestMeasuringCountsSamplesInBothEncodings(t *testing.T) {
	var readings []schema.Reading
	for i := range int64(500) {
		readings = append(readings, schema.Reading{Time: foldtest.Start + i*10e9, Fields: []schema.FieldValue{
			{Field: schema.TaskCPUPercent, Value: float64(i%7) / 4}, {Field: schema.TaskMemoryBytes, Value: float64(4096 * i)},
		}})
	}
	k, err := MeasureHistory("two series", slices.Values(readings))
	if err != nil || k.Name != "two series" || k.Samples != 1000 || k.Bytes == 0 || k.Bytes >= k.XORBytes {
		t.Errorf("%+v, error %v", k, err)
	}
}
