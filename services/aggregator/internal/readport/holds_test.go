package readport

import (
	"fmt"
	"strings"
	"testing"

	"weir/services/aggregator/internal/history"

	"weir/pkg/schema"
)

// push is a request of a Pushgateway's client.
func push(method, job, text string, at int64) schema.Event {
	return schema.Event{Topic: "/metrics/job/" + job + "?method=" + method + "&service=farm&subservice=yard", Client: "c", Route: schema.RouteHTTP, Received: at, Payload: []byte(text)}
}

func TestWhatWasPushedHoldsUntilItIsReplacedOrDeleted(t *testing.T) {
	const minute, hour, day = 60, 3600, 86400
	b := newBench(t, nil)
	b.fold(push("PUT", "backup", "last_success 1\nrows 5\n", at(0)))
	b.fold(push("POST", "backup", "rows 6\n", at(day)))
	b.fold(push("PUT", "backup", "last_success 2\n", at(2*day)))
	b.fold(push("DELETE", "backup", "", at(3*day)))
	b.fold(node(farm, "n", "east", 1, at(3*day+hour)))
	b.reload(t)
	for _, test := range []struct {
		name   string
		metric string
		from   int
		to     int
		latest bool
		want   string
	}{
		{"a day later it is as if it had come within the last minute", "last_success", day - 5*minute, day - 1, true, "1 59s ago"},
		{"what a push does not name stays", "last_success", day + hour, day + hour + 5*minute, true, "1 0s ago"},
		{"what it names is another from then on", "rows", day - 61, day + 61, false, "5 121s ago, 6 61s ago, 6 1s ago"},
		{"a group that is replaced lacks what is not in it any more", "rows", 2*day - 61, 2*day + 5*minute, false, "6 360s ago, ended 300s ago"},
		{"and has what is", "last_success", 2 * day, 2*day + 2*minute, false, "2 120s ago, 2 60s ago, 2 0s ago"},
		{"until it is deleted", "last_success", 3*day - 90, 3*day + hour, false, "2 3660s ago, ended 3600s ago"},
		{"then it is not there", "last_success", 3*day + minute, 3*day + hour, true, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			all := b.mustSelect(t, schema.SelectRequest{Matchers: []schema.Matcher{name(test.metric)}, From: ms(test.from), To: ms(test.to), Latest: test.latest})
			var got []string
			for _, s := range all {
				for i, v := range s.V {
					text := fmt.Sprint(v)
					if history.IsStale(v) {
						text = "ended"
					}
					got = append(got, fmt.Sprintf("%s %ds ago", text, (ms(test.to)-s.T[i])/1000))
				}
			}
			if text := strings.Join(got, ", "); text != test.want {
				t.Errorf("got %s, want %s", text, test.want)
			}
		})
	}
}
