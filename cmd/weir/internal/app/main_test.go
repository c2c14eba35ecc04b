package app

import (
	"testing"

	"go.uber.org/goleak"
)

// Whatever a test starts is stopped: nothing may run on, but for the clock that
// the metrics library keeps for the whole process.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/VictoriaMetrics/metrics.summariesSwapCron"))
}
