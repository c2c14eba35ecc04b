package promapi_test

import "testing"

// One request must not be able to end the process.
func TestSubqueriesOfTooManySteps(t *testing.T) {
	a := newAPI(t, few(), nil)
	const text = "steps, more than 4500000: take longer ones"
	for name, request := range map[string]string{
		"a year by milliseconds": path("/api/v1/query", "query", "max_over_time(a[1y:1ms])"),
		"a year at a fixed time": path("/api/v1/query", "query", "max_over_time(a[1y:1ms] @ 5)"),
		"within another":         path("/api/v1/query", "query", "max_over_time(max_over_time(a[1m:1s])[1y:1s])"),
		"around another":         path("/api/v1/query", "query", "max_over_time(max_over_time(a[1s:1ms])[2h:1m])"),
		"two together":           path("/api/v1/query", "query", "max_over_time(a[2500s:1ms]) + max_over_time(a[2500s:1ms])"),
		"over a long range":      path("/api/v1/query_range", "query", "max_over_time(a[1m:1ms])", "start", "0", "end", "100000", "step", "100"),
	} {
		t.Run(name, func(t *testing.T) { expectProblem(t, a, request, 422, "execution", text) })
	}
	for _, expr := range []string{"max_over_time(a[1y:15s])", "max_over_time(max_over_time(a[1m:1s])[1d:1m])", "max_over_time(a[1h:1ms])"} {
		if w := call(a, path("/api/v1/query", "query", expr)); w.Code != 200 {
			t.Errorf("%s: %d %s", expr, w.Code, w.Body)
		}
	}
}

// A range of more years than a time.Duration has.
func TestTooManyPointsInAnAge(t *testing.T) {
	a := newAPI(t, few(), nil)
	for _, step := range []string{"1", "8e9"} {
		expectProblem(t, a, path("/api/v1/query_range", "query", "1", "start", "-9e15", "end", "9e15", "step", step), 400, "bad_data", "exceeded maximum resolution")
	}
	if w := call(a, path("/api/v1/query_range", "query", "a", "start", "-9e12", "end", "9e12", "step", "9e9")); w.Code != 200 {
		t.Errorf("got %d %.300s", w.Code, w.Body)
	}
}
