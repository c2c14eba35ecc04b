package poll

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"weir/pkg/schema/pulltopic"
	"weir/services/ingest/internal/pull"
	"weir/services/ingest/internal/sources"
)

// The paths of gateways and nodes.
const (
	resourcesPath = "/api/monitoring/resources"
	statusPath    = "/api/node/status"
)

// gateway polls a SPORE gateway's aggregate. What answers may be a node, which
// says less of itself: its labels are in its status.
type gateway struct{ resources, status *document }

func newGateway(env *pull.Env, g *sources.Gateway) *gateway {
	base := sporeBase(g.URL)
	doc := func(kind pulltopic.Kind, path string) *document {
		return &document{
			env: env, kind: pull.KindSpore, client: g.Client, timeout: time.Duration(g.Timeout),
			topic:  pulltopic.Topic{Kind: kind, Tenant: g.Tenant(), Name: g.Name, Interval: time.Duration(g.Interval)},
			target: join(base, path), address: addressOf(g.URL), takes: takesDocument,
		}
	}
	return &gateway{doc(pulltopic.Spore, resourcesPath), doc(pulltopic.SporeStatus, statusPath)}
}

// sporeBase lets the URL be that of the document itself.
func sporeBase(address string) string {
	u, err := url.Parse(address)
	if err == nil && u.Path == resourcesPath {
		u.Path = ""
		return u.String()
	}
	return address
}

func (g *gateway) poll(ctx context.Context, at time.Time) {
	answer := g.resources.poll(ctx, at)
	if answer == nil || ctx.Err() != nil || !isNode(answer.Body) {
		return
	}
	g.status.poll(ctx, at)
}

// isNode tells a node's own document from a gateway's: a gateway's has nodes.
func isNode(body []byte) bool {
	var shape struct {
		Nodes *json.RawMessage `json:"nodes"`
		CPU   *json.RawMessage `json:"cpu"`
	}
	return json.Unmarshal(body, &shape) == nil && shape.Nodes == nil && shape.CPU != nil
}

func (g *gateway) end(ctx context.Context, at time.Time) { g.resources.end(ctx, at) }

// takesDocument takes what comes with 200, whatever it is: the decoder says whether
// it is one of its documents.
func takesDocument(a *pull.Answer) error {
	if a.Status != http.StatusOK {
		return statusError(a)
	}
	return nil
}
