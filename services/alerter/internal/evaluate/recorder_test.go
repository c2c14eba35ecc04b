package evaluate_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/rule"
)

type (
	labelName  = model.LabelName
	labelValue = model.LabelValue
)

// recorder notes what is recorded.
type recorder struct {
	mu    sync.Mutex
	now   []rule.Sample
	ended []string
}

func (r *recorder) Record(_ context.Context, _ time.Time, samples []rule.Sample, ended []model.LabelSet) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.now = samples
	for _, l := range ended {
		r.ended = append(r.ended, l.String())
	}
	return nil
}

// want says which series have ended, in order, none being left.
func (r *recorder) want(t *testing.T, ended ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.now) != 0 || !slices.Equal(r.ended, ended) {
		t.Errorf("recorded last %v, ended %v", r.now, r.ended)
	}
}

func labelSetOf(name, node string) model.LabelSet {
	return model.LabelSet{"alertname": model.LabelValue(name), "node_id": model.LabelValue(node), "severity": "warning"}
}
