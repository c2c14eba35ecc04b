package evaluate

import (
	"testing"
	"time"
)

func TestSinceWhenAlertsCanBePosted(t *testing.T) {
	noon := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		looks []time.Duration
		since time.Duration // both after noon
	}{
		{"since the start", []time.Duration{0, time.Second, 2 * time.Second}, 0},
		{"a look that is late changes nothing", []time.Duration{0, deafAfter, deafAfter + time.Second}, 0},
		{"since the process runs again that stood still", []time.Duration{0, time.Second, time.Hour, time.Hour + time.Second}, time.Hour},
		{"since the clock was set back", []time.Duration{time.Hour, 0, time.Second}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var l listening
			l.begin(noon.Add(c.looks[0]))
			for _, at := range c.looks[1:] {
				l.look(noon.Add(at))
			}
			if want := noon.Add(c.since); !l.since.Equal(want) {
				t.Errorf("since %s, expected %s", l.since, want)
			}
		})
	}
}
