package poll

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// dataNode polls a DataMgmt node's health, then its statistics.
type dataNode struct{ docs []*document }

func newDataNode(env *pull.Env, n *sources.DataNode) *dataNode {
	node := &dataNode{}
	add := func(kind pulltopic.Kind, path string, takes func(*pull.Answer) error) {
		if path == "" {
			return
		}
		d := &document{
			env: env, kind: pull.KindDataNode, client: n.Client, timeout: time.Duration(n.Timeout),
			topic:  pulltopic.Topic{Kind: kind, Tenant: n.Tenant(), Name: n.Name, Interval: time.Duration(n.Interval)},
			target: join(n.URL, path), address: addressOf(n.URL), takes: takes,
		}
		if n.APIKey != (sources.APIKey{}) {
			d.key = n.Reveal
		}
		node.docs = append(node.docs, d)
	}
	add(pulltopic.DataNodeHealth, n.HealthPath, takesHealth)
	add(pulltopic.DataNodeStats, n.StatsPath, takesDocument)
	return node
}

func (n *dataNode) poll(ctx context.Context, at time.Time) {
	for _, d := range n.docs {
		if ctx.Err() == nil {
			d.poll(ctx, at)
		}
	}
}

func (n *dataNode) end(ctx context.Context, at time.Time) {
	for _, d := range n.docs {
		d.end(ctx, at)
	}
}

// takesHealth takes a health in either of its shapes: the body decides, since a
// degraded node answers 200 and an unhealthy one 503, both with a status in the
// body. An answer that is an error without one says nothing of the node. A
// success that is something else is for the decoder to refuse.
func takesHealth(a *pull.Answer) error {
	var health struct {
		Status *string `json:"status"`
	}
	if json.Unmarshal(a.Body, &health) == nil && health.Status != nil {
		return nil
	}
	if a.Status != http.StatusOK {
		return statusError(a)
	}
	return nil
}
