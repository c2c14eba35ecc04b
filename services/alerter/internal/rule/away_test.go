package rule_test

import (
	"testing"
	"time"

	"weir/services/alerter/internal/rule"
)

func TestWhatWeirsAbsenceMeansForAlerts(t *testing.T) {
	const began, fired = "node=1 inactive>pending", "node=1 pending>firing"
	absent := func(r *rule.Rule) { r.ResolveOnAbsent = true }
	for _, row := range []struct {
		name  string
		is    func(*rule.Rule)
		steps []step
	}{
		{"a long absence does not count as for", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "1m10s", away: "0s", want: "node=1 pending>pending away"},
			{at: "1m11s", result: "node=1 90"},
			{at: "2m9s", result: "node=1 90"},
			{at: "2m10s", result: "node=1 90", want: fired},
		}},
		{"what was before a long absence counts", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "10m50s", away: "50s", want: "node=1 pending>pending away"},
			{at: "10m51s", result: "node=1 90"},
			{at: "10m59s", result: "node=1 90"},
			{at: "11m", result: "node=1 90", want: fired},
		}},
		{"a restart goes on with for", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "40s", away: "10s"},
			{at: "41s", result: "node=1 90"},
			{at: "59s", result: "node=1 90"},
			{at: "1m", result: "node=1 90", want: fired},
		}},
		{"nothing fires at the first look, nor soon after it", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "1m10s", away: "59s"},
			{at: "1m11s", result: "node=1 90"},
			{at: "1m15s", result: "node=1 90"},
			{at: "1m16s", result: "node=1 90", want: fired},
		}},
		{"a short for is waited for once more", func(r *rule.Rule) { r.For = 2 * time.Second }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "10s", away: "1s"},
			{at: "11s", result: "node=1 90"},
			{at: "13s", result: "node=1 90", want: fired},
		}},
		{"a restart after which the condition is false", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "1m10s", away: "59s"},
			{at: "1m11s", result: "node=1 90"},
			{at: "1m12s", data: "node=1", want: "node=1 pending>inactive"},
		}},
		{"time without data before, while and after weir was away counts once", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "30s", want: "node=1 pending>pending no_data"},
			{at: "10m", away: "40s"},
			{at: "11m", result: "node=1 90", want: "node=1 pending>pending data"},
			{at: "11m29s", result: "node=1 90"},
			{at: "11m30s", result: "node=1 90", want: fired},
		}},
		{"weir is killed again before it looks", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "10m", away: "30s", want: "node=1 pending>pending away"},
			{at: "10m20s", away: "10m"},
			{at: "10m21s", result: "node=1 90"},
			{at: "10m29s", result: "node=1 90"},
			{at: "10m30s", result: "node=1 90", want: fired},
		}},
		{"the clock was set back meanwhile", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "10s", away: "1h"},
			{at: "1m", result: "node=1 90"},
			{at: "1m5s", result: "node=1 90", want: fired},
		}},
		{"a moment that was due before weir was away is no second look", func(r *rule.Rule) { r.For = time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "1m10s", away: "59s"},
			{at: "1m", result: "node=1 90"},
			{at: "1m14s", result: "node=1 90"},
			{at: "1m15s", result: "node=1 90", want: fired},
		}},
		{"an absence that weir's own explains does not resolve", absent, []step{
			{at: "0s", result: "node=1 90", want: "node=1 inactive>firing"},
			{at: "10m", away: "1m"},
			{at: "10m1s", want: "node=1 firing>firing no_data"},
			{at: "12m", result: "node=1 90", want: "node=1 firing>firing data"},
			{at: "12m1s", want: "node=1 firing>resolved absent"},
		}},
		{"one for which there was time to be back does", absent, []step{
			{at: "0s", result: "node=1 90", want: "node=1 inactive>firing"},
			{at: "10m", away: "1m"},
			{at: "14m59s", want: "node=1 firing>firing no_data"},
			{at: "15m", want: "node=1 firing>resolved absent"},
		}},
		{"one whose data cannot be asked for stays as well", absent, []step{
			{at: "0s", result: "node=1 90", want: "node=1 inactive>firing"},
			{at: "10m", away: "1m"},
			{at: "10m1s", data: "!", want: "node=1 firing>firing no_data", err: rule.ErrData},
		}},
		{"a condition that is false resolves", absent, []step{
			{at: "0s", result: "node=1 90", want: "node=1 inactive>firing"},
			{at: "10m", away: "1m"},
			{at: "10m1s", data: "node=1", want: "node=1 firing>resolved"},
		}},
		{"alerts that began since weir is back are not held", absent, []step{
			{at: "10m", away: "1m"},
			{at: "10m1s", result: "node=1 90", want: "node=1 inactive>firing"},
			{at: "10m2s", want: "node=1 firing>resolved absent"},
		}},
		{"a pending one is held too, and waits for all of for", func(r *rule.Rule) { r.ResolveOnAbsent, r.For = true, time.Minute }, []step{
			{at: "0s", result: "node=1 90", want: began},
			{at: "10m", away: "30s", want: "node=1 pending>pending away"},
			{at: "10m1s", want: "node=1 pending>pending no_data"},
			{at: "11m1s", result: "node=1 90", want: "node=1 pending>pending data"},
			{at: "11m30s", result: "node=1 90", want: fired},
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := &rule.Rule{Key: "k", Name: "Hot", Expr: "hot > 80", Data: "hot"}
			row.is(r)
			play(t, r, row.steps)
		})
	}
}
