package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/propeller"
	"weir/services/query/internal/spore"
)

// resources serves GET /api/monitoring/resources.
func resources(a *API, r *http.Request, b []byte) (reply, error) {
	req, err := resourcesRequest(r.URL.Query())
	if err != nil {
		return reply{}, err
	}
	nodes, err := a.sources(r.Context(), req)
	if err != nil {
		return reply{}, err
	}
	return reply{body: spore.Append(b, a.Now(), nodes)}, nil
}

// resourcesRequest makes a filter of every parameter: service and subservice,
// and labels of any other name. A node has a label once, so a parameter given
// twice could match none: it is taken for a mistake.
func resourcesRequest(q url.Values) (schema.SourcesRequest, error) {
	req := schema.SourcesRequest{Kinds: []schema.Kind{schema.KindSporeNode}, Labels: map[string]string{}}
	for name, values := range q {
		if len(values) > 1 {
			return req, &params.Error{Name: name, Got: strings.Join(values, ", "), Want: "given once"}
		}
		switch name {
		case "service":
			req.Service = values[0]
		case "subservice":
			req.Subservice = values[0]
		default:
			req.Labels[name] = values[0]
		}
	}
	return req, nil
}

func (a *API) sources(ctx context.Context, req schema.SourcesRequest) (all []*schema.Source, err error) {
	err = a.Client.Sources(ctx, req, func(s *schema.Source) { all = append(all, s) })
	return all, err
}

// taskMetrics serves GET /tasks/{id}/metrics.
func taskMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	id := r.PathValue("id")
	page, readings, err := a.readings(r, schema.KindTask, id)
	if err != nil {
		return reply{}, err
	}
	return reply{body: propeller.AppendTaskPage(b, id, page, readings)}, nil
}

// propletMetrics serves GET /proplets/{id}/metrics. The readings do not carry
// the namespace: the proplet does.
func propletMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	id := r.PathValue("id")
	page, readings, err := a.readings(r, schema.KindProplet, id)
	if err != nil {
		return reply{}, err
	}
	namespace := ""
	if len(readings) > 0 {
		found, err := a.sources(r.Context(), sourcesRequest(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet}, ID: id}))
		if err != nil {
			return reply{}, err
		}
		latest, _ := propeller.Latest(propeller.Proplets(found, a.Now(), a.Heartbeat))
		namespace = latest.Namespace
	}
	return reply{body: propeller.AppendPropletPage(b, id, namespace, page, readings)}, nil
}

// readings asks for the page of a source's readings that a request wants.
func (a *API) readings(r *http.Request, kind schema.Kind, id string) (params.Page, []schema.StoredReading, error) {
	q := r.URL.Query()
	page, err := params.ParsePage(q, 0)
	if err != nil {
		return page, nil, err
	}
	readings, total, err := a.Client.Readings(r.Context(), schema.ReadingsRequest{
		Kind: kind, ID: id, Service: q.Get("service"), Subservice: q.Get("subservice"),
		Offset: page.Offset, Limit: page.Limit,
	})
	page.Total = total
	return page, readings, err
}

// sourcesRequest adds the tenant that a request asks for.
func sourcesRequest(r *http.Request, req schema.SourcesRequest) schema.SourcesRequest {
	q := r.URL.Query()
	req.Service, req.Subservice = q.Get("service"), q.Get("subservice")
	return req
}

// maxProplets is the longest page of proplets, as in Propeller's manager.
const maxProplets = 100

// proplets serves GET /proplets.
func proplets(a *API, r *http.Request, b []byte) (reply, error) {
	q := r.URL.Query()
	page, err := params.ParsePage(q, maxProplets)
	if err != nil {
		return reply{}, err
	}
	status, err := params.OneOf(q, "status", propeller.Active, propeller.Inactive)
	if err != nil {
		return reply{}, err
	}
	found, err := a.sources(r.Context(), sourcesRequest(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet, schema.KindTask}}))
	if err != nil {
		return reply{}, err
	}
	views := propeller.WithStatus(propeller.Proplets(found, a.Now(), a.Heartbeat), status)
	return reply{body: propeller.AppendProplets(b, page, views)}, nil
}

// proplet serves GET /proplets/{id}. Where several tenants have a proplet of
// that id, the one heard of last is shown.
func proplet(a *API, r *http.Request, b []byte) (reply, error) {
	id := r.PathValue("id")
	found, err := a.sources(r.Context(), sourcesRequest(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet}, ID: id}))
	if err != nil {
		return reply{}, err
	}
	if len(found) == 0 {
		return reply{}, &problem{http.StatusNotFound, fmt.Sprintf("no such proplet: %s", id)}
	}
	tasks, err := a.sources(r.Context(), sourcesRequest(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindTask}, Parent: id}))
	if err != nil {
		return reply{}, err
	}
	view, _ := propeller.Latest(propeller.Proplets(append(found, tasks...), a.Now(), a.Heartbeat))
	return reply{body: propeller.AppendProplet(b, view)}, nil
}
