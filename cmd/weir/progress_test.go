package main

import (
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	tests := []struct {
		name                string
		done, total, events uint64
		want                string
	}{
		{"in between it knows rate and remaining time", 1200, 4800, 171_000, "rebuild: 1,200 of 4,800 frames (25 %), 57,000 events/s, 9s left"},
		{"at the start it does not know when it ends", 0, 4800, 0, "rebuild: 0 of 4,800 frames (0 %), 0 events/s"},
		{"at the end nothing is left", 4800, 4800, 171_000, "rebuild: 4,800 of 4,800 frames (100 %), 57,000 events/s"},
		{"an empty journal is no division by zero", 0, 0, 0, "rebuild: 0 of 0 frames, 0 events/s"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &progress{what: "rebuild", done: tt.done, total: tt.total, events: tt.events}
			if got := p.line(3 * time.Second); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
