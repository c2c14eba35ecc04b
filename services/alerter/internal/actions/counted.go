package actions

import (
	"log/slog"
	"slices"
	"sync"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
)

const firedRules = schema.FiredRules

func delta(c schema.Counter, n int) schema.CounterDelta {
	return schema.CounterDelta{Counter: c, Delta: uint64(n)}
}

// count counts for a tenant. Counters are in ascending order.
func (r *Runner) count(t alert.Tenant, deltas ...schema.CounterDelta) {
	deltas = slices.DeleteFunc(deltas, func(d schema.CounterDelta) bool { return d.Delta == 0 })
	slices.SortFunc(deltas, func(a, b schema.CounterDelta) int { return int(a.Counter) - int(b.Counter) })
	r.Counters.Count(schema.Operations{Tenant: schema.Tenant(t), Counters: deltas})
}

// counters are those of a kind of action.
type counters struct {
	tried, ok, failed schema.Counter
	outgoing          bool // it counts as an outgoing transaction: an entity's update does not, as in Perseo
}

var countersOf = map[string]counters{
	"email":   {schema.ActionEmail, schema.OkActionEmail, schema.FailedActionEmail, true},
	"sms":     {schema.ActionSMS, schema.OkActionSMS, schema.FailedActionSMS, true},
	"post":    {schema.ActionHTTPPost, schema.OkActionHTTPPost, schema.FailedActionHTTPPost, true},
	"update":  {schema.ActionEntityUpdate, schema.OkActionEntityUpdate, schema.FailedActionEntityUpdate, false},
	"twitter": {schema.ActionTwitter, schema.OkActionTwitter, schema.FailedActionTwitter, true},
}

// countAction counts one attempt. One that could not be tried has failed too,
// and sent nothing.
func (r *Runner) countAction(j *job, x exchange, err error) {
	c, known := countersOf[j.Type]
	if !known {
		r.count(j.tenant, delta(schema.ErrAction, 1))
		return
	}
	tried := j.setUp(err)
	deltas := []schema.CounterDelta{delta(c.tried, 1)}
	if err == nil {
		deltas = append(deltas, delta(c.ok, 1))
	} else {
		deltas = append(deltas, delta(c.failed, 1))
	}
	if !tried {
		deltas = append(deltas, delta(schema.ErrAction, 1))
	}
	if c.outgoing && tried {
		deltas = append(deltas, delta(schema.OutgoingTransactions, 1),
			delta(schema.OutgoingRequestSize, x.sent), delta(schema.OutgoingResponseSize, x.received))
		if err != nil {
			deltas = append(deltas, delta(schema.OutgoingErrors, 1))
		}
	}
	r.count(j.tenant, deltas...)
}

// alarms logs when something that actions need begins and ends to fail, in the
// words that Perseo's operators look for.
type alarms struct {
	logger *slog.Logger
	mu     sync.Mutex
	on     map[string]bool
}

// alarmOf names the alarm of a kind of action. A post fails as its own target
// fails, which is no alarm.
var alarmOf = map[string]string{"email": "EMAIL", "sms": "SMS", "update": "ORION"}

func (a *alarms) set(name string, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if name == "" || a.on[name] == (err != nil) {
		return
	}
	a.on[name] = err != nil
	if err != nil {
		a.logger.Error("ALARM-ON ["+name+"]", "error", err)
	} else {
		a.logger.Info("ALARM-OFF [" + name + "]")
	}
}
