package evaluate

import (
	"testing"
	"time"

	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// A clock may be set while a group waits for its next moment.
func TestAClockThatIsSet(t *testing.T) {
	g := &group{Group: &rule.Group{Key: "g"}, interval: 10 * time.Second}
	next := g.after(time.Unix(1_800_000_000, 0))
	for name, row := range map[string]struct {
		now  time.Time
		want time.Duration // from next on, of what is waited for or evaluated
		due  bool
	}{
		"it has come":                        {next, 0, true},
		"a little before, by a slowed clock": {next.Add(-time.Millisecond), 0, true},
		"the clock was set back a little":    {next.Add(-4 * time.Second), 0, false},
		"the clock was set back an hour":     {next.Add(-time.Hour), -time.Hour, false},
		"the clock was set on an hour":       {next.Add(time.Hour), 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			at, due := g.due(next, row.now, g.interval)
			if at.Sub(next) != row.want || due != row.due {
				t.Errorf("got %s, %v", at.Sub(next), due)
			}
			if wait := at.Sub(row.now); wait > g.interval {
				t.Errorf("it would be waited for %s", wait)
			}
		})
	}
}

// Whoever takes longer than the interval misses moments; a tenant's rule rests.
func TestWhatFollowsALongEvaluation(t *testing.T) {
	at := time.Unix(1_800_000_000, 0)
	for name, row := range map[string]struct {
		tenant *alert.Tenant
		took   time.Duration
		next   time.Duration
		missed int
	}{
		"a short one":                    {nil, time.Millisecond, time.Second, 0},
		"a long one":                     {nil, 5 * time.Second, 5 * time.Second, 4},
		"a short one of a tenant":        {&alert.Tenant{}, time.Millisecond, time.Second, 0},
		"a long one of a tenant":         {&alert.Tenant{}, 5 * time.Second, 10 * time.Second, 9},
		"one as long as the interval":    {&alert.Tenant{}, time.Second, time.Second, 0},
		"a clock that was set back then": {nil, -time.Hour, time.Second, 0},
	} {
		t.Run(name, func(t *testing.T) {
			g := &group{Group: &rule.Group{Tenant: row.tenant}, interval: time.Second}
			next, missed := g.following(at, at.Add(row.took), row.took)
			if next.Sub(at) != row.next || missed != row.missed {
				t.Errorf("next after %s, %d missed", next.Sub(at), missed)
			}
		})
	}
}
