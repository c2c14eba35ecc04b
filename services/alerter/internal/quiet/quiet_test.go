package quiet

import (
	"fmt"
	"testing"
	"time"
)

func TestFailuresAreLoggedOnceAMinute(t *testing.T) {
	var f Failures
	at := time.Unix(1e9, 0)
	for _, row := range []struct {
		name   string
		after  time.Duration
		what   string
		failed bool
		want   string
	}{
		{"a success of what never failed is no news", 0, "a", false, "false 0"},
		{"the first failure is logged", 0, "a", true, "true 0"},
		{"the next one is not", time.Second, "a", true, "false 0"},
		{"nor one shortly before the minute is over", 58 * time.Second, "a", true, "false 0"},
		{"another thing's is", 0, "b", true, "true 0"},
		{"after a minute one is, and says how many were not", time.Second, "a", true, "true 2"},
		{"the first success is logged", time.Second, "a", false, "true 0"},
		{"the second is not", time.Second, "a", false, "false 0"},
		{"what fails now and then is logged once a minute", time.Second, "a", true, "false 0"},
		{"and so are its successes", time.Second, "a", false, "false 0"},
		{"after hours all is forgotten", 3 * time.Hour, "a", true, "true 0"},
	} {
		at = at.Add(row.after)
		log, unlogged := false, 0
		if row.failed {
			log, unlogged = f.Failed(row.what, at)
		} else {
			log = f.Worked(row.what)
		}
		if got := fmt.Sprint(log, " ", unlogged); got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
	if len(f.known) != 1 {
		t.Errorf("%d things are known", len(f.known))
	}
}
