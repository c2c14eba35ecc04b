package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"weir/devices/sinks"
)

var alertKills = flag.Int("alert-kills", 4, "how often the alerts' crash test kills the process")

// webhookAlert is an alert in a webhook's payload.
type webhookAlert struct {
	Status      string
	Fingerprint string
	StartsAt    time.Time
}

// occurrence names one firing of an alert.
type occurrence struct {
	fingerprint string
	began       int64 // unix milliseconds
}

// TestEveryTransitionIsDeliveredThroughKillsAndOutages has nodes cross a
// threshold up and down while receivers fail at random and the process is killed
// at random. At the end every transition in the history was delivered to each
// receiver, and the history says so.
func TestEveryTransitionIsDeliveredThroughKillsAndOutages(t *testing.T) {
	seed := *crashSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d (run again with -crash-seed %d)", seed, seed)
	r := rand.New(rand.NewPCG(seed, 2))

	names := []string{"one", "two", "three"}
	hooks := map[string]*sinks.Recorder{}
	var failing sync.Map // true while receivers fail
	failing.Store("on", true)
	config := "route:\n  receiver: one\n  group_by: [node]\n  group_wait: 0s\n  group_interval: 10ms\n  routes:\n"
	receivers := "receivers:\n"
	for _, name := range names {
		hook := sinks.NewWebhook()
		hooks[name] = hook
		chance := rand.New(rand.NewPCG(seed, uint64(len(name))))
		var mu sync.Mutex
		hook.FailWhen(func(sinks.Request) *sinks.Failure {
			mu.Lock()
			defer mu.Unlock()
			if on, _ := failing.Load("on"); on != true {
				return nil
			}
			switch chance.IntN(6) {
			case 0:
				return &sinks.Failure{Status: http.StatusServiceUnavailable}
			case 1:
				return &sinks.Failure{Drop: true}
			case 2:
				return &sinks.Failure{Drop: true, Lost: true}
			}
			return nil
		})
		config += fmt.Sprintf("    - {receiver: %s, continue: true, group_wait: 0s}\n", name)
		receivers += fmt.Sprintf("  - name: %s\n    webhook_configs: [{url: %s/}]\n", name, serveSink(t, hook))
	}
	// Where a rule file lies is a part of its rules' names: it is written once.
	dir, options := t.TempDir(), []string{"--default-rules=false",
		"--rules", write(t, "rules.yml", hotRules), "--alertmanager-config", write(t, "alertmanager.yml", config+receivers)}
	boot := func() *process { return start(t, dir, options...) }
	p := boot()
	toggle := func() {
		device := connect3(t, p.MQTT, "esp")
		for range 5 {
			device.spore(fmt.Sprintf("node-%d", r.IntN(6)), []float64{20, 95}[r.IntN(2)])
		}
		device.Disconnect(100)
	}
	for range *alertKills {
		toggle()
		awaitSomething(t, hooks[names[r.IntN(len(names))]], r.IntN(400))
		p.kill()
		p = boot()
	}
	toggle()
	connect3(t, p.MQTT, "esp").spore("node-hot", 95) // chance may have left all cold: one fires
	failing.Store("on", false)

	eventually(t, "every transition is delivered", func() error { return undelivered(p, hooks) })
}

// awaitSomething waits until a sink gets one more request, or for a while.
func awaitSomething(t *testing.T, hook *sinks.Recorder, atMostMS int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Duration(atMostMS)*time.Millisecond)
	defer cancel()
	_, _ = hook.Wait(ctx, sinks.AtLeast(len(hook.Taken())+1)) // that nothing came is a moment too
}

// undelivered compares the transitions of the history with what each sink took.
func undelivered(p *process, hooks map[string]*sinks.Recorder) error {
	a, err := tryRequest(http.MethodGet, p.Internal, "/api/alerts/history?kind=transition&limit=10000")
	if err != nil {
		return err
	}
	var history struct {
		Events []struct {
			To     string
			Alerts []struct {
				Fingerprint string
				StartsAt    time.Time
			}
		}
	}
	if err := json.Unmarshal(a.Body, &history); err != nil {
		return fmt.Errorf("%w in %.200s", err, a.Body)
	}
	transitions := 0
	for name, hook := range hooks {
		told := map[occurrence]map[string]bool{}
		for _, request := range hook.Taken() {
			var payload struct{ Alerts []webhookAlert }
			if err := request.JSON(&payload); err != nil {
				return err
			}
			for _, a := range payload.Alerts {
				key := occurrence{a.Fingerprint, a.StartsAt.UnixMilli()}
				if told[key] == nil {
					told[key] = map[string]bool{}
				}
				told[key][a.Status] = true
			}
		}
		for _, e := range history.Events {
			if e.To != "firing" && e.To != "resolved" {
				continue
			}
			for _, a := range e.Alerts {
				transitions++
				key := occurrence{a.Fingerprint, a.StartsAt.UnixMilli()}
				// A resolved one says when it began and when it ended: both at once.
				if !told[key][e.To] && !told[key]["resolved"] {
					return fmt.Errorf("%s was not told that %v is %s: %v", name, key, e.To, told[key])
				}
			}
		}
	}
	if transitions == 0 {
		return fmt.Errorf("nothing ever fired")
	}
	return nil
}
