package notify

import (
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// TrialAlert is the name of the alert that Trial tells of.
const TrialAlert = "WeirNotifyTest"

// Trial returns what `weir notify-test RECEIVER` sends to each integration: an
// alert that fires, and then is resolved.
func Trial(receiver, externalURL string, now time.Time) []*Message {
	labels := model.LabelSet{model.AlertNameLabel: TrialAlert, "severity": "info", "receiver": model.LabelValue(receiver)}
	firing := &alert.Alert{
		ID: alert.NewID("test", labels, now), Labels: labels, GeneratorURL: externalURL,
		Annotations: model.LabelSet{"summary": "A test of the way to this receiver. Nothing is wrong."},
		Status:      alert.Firing, Value: 1, ActiveAt: now, FiredAt: now,
	}
	resolved := *firing
	resolved.Status, resolved.ResolvedAt = alert.Resolved, now.Add(time.Second)
	message := func(kind string, at time.Time) *Message {
		return &Message{
			ID: fmt.Sprintf("test-%s-%s", kind, firing.ID), GroupKey: fmt.Sprintf("{}:{alertname=%q, receiver=%q}", TrialAlert, receiver),
			Receiver: receiver, Reason: "test", GroupLabels: model.LabelSet{model.AlertNameLabel: TrialAlert}, Now: at, ExternalURL: externalURL,
		}
	}
	first, second := message("firing", now), message("resolved", resolved.ResolvedAt)
	first.Firing, second.Resolved = []*alert.Alert{firing}, []*alert.Alert{&resolved}
	return []*Message{first, second}
}
