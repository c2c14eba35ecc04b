package api

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/propeller"
	"weir/services/query/internal/spore"
)

// resources serves GET /api/monitoring/resources: the fleet as it is, or as it
// was at the moment that the parameter at says, which then is the document's
// timestamp.
func resources(a *API, r *http.Request, b []byte) (reply, error) {
	req, err := resourcesRequest(r)
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	nodes, err := a.sources(ctx, req)
	if err != nil {
		return reply{}, err
	}
	moment := a.Now()
	if req.At != 0 {
		moment = time.Unix(0, req.At)
	}
	return reply{body: spore.Append(b, moment, nodes)}, nil
}

// resourcesRequest makes a filter of the tenant and of every parameter but at:
// labels of any name. A node has a label once, so a parameter given twice could
// match none: it is taken for a mistake.
func resourcesRequest(r *http.Request) (req schema.SourcesRequest, err error) {
	req = schema.SourcesRequest{Kinds: []schema.Kind{schema.KindSporeNode}, Labels: map[string]string{}}
	q := r.URL.Query()
	if req.At, _, err = params.Time(q, "at"); err != nil {
		return req, err
	}
	for name, values := range q {
		if len(values) > 1 {
			return req, &params.Error{Name: name, Got: strings.Join(values, ", "), Want: "given once"}
		}
		switch name {
		case "at", "service", "subservice":
		default:
			req.Labels[name] = values[0]
		}
	}
	return restricted(r, req)
}

func (a *API) sources(ctx context.Context, req schema.SourcesRequest) (all []*schema.Source, err error) {
	err = a.Client.Sources(ctx, req, func(s *schema.Source) { all = append(all, s) })
	return all, err
}

// taskMetrics serves GET /tasks/{id}/metrics. With history_size it shows what
// propeller.Aggregate makes of the readings that the task's proplet sent without
// an aggregated object.
func taskMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	size, err := params.Whole(r.URL.Query(), "history_size", 1, propeller.MaxHistorySize)
	if err != nil {
		return reply{}, err
	}
	page, err := a.readings(r, schema.KindTask)
	if err != nil {
		return reply{}, err
	}
	if size > 0 {
		behind, err := a.behind(r, page, size-1)
		if err != nil {
			return reply{}, err
		}
		shown, all := len(page.readings), append(page.readings, behind...)
		propeller.Aggregate(all, shown, size)
		page.readings = all[:shown]
	}
	return page.reply(r, propeller.AppendTaskPage(b, page.id, page.Page, page.readings)), nil
}

// propletMetrics serves GET /proplets/{id}/metrics. The readings do not carry
// the namespace: the proplet does.
func propletMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	page, err := a.readings(r, schema.KindProplet)
	if err != nil {
		return reply{}, err
	}
	namespace := ""
	if len(page.readings) > 0 {
		found, err := a.sourcesFor(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet}, ID: page.id})
		if err != nil {
			return reply{}, err
		}
		latest, _ := propeller.Latest(propeller.Proplets(found, a.Now(), a.Heartbeat))
		namespace = latest.Namespace
	}
	return page.reply(r, propeller.AppendPropletPage(b, page.id, namespace, page.Page, page.readings)), nil
}

// readingsPage is a page of a source's readings.
type readingsPage struct {
	params.Page
	id       string
	asked    schema.RowsRequest
	readings []schema.StoredReading // newest first
	until    string                 // what came before the page was made
}

// readings asks for the page of a source's readings that a request wants.
func (a *API) readings(r *http.Request, kind schema.Kind) (p readingsPage, err error) {
	q := r.URL.Query()
	p.id = r.PathValue("id")
	if p.Page, err = params.ParsePage(q, 0); err != nil {
		return p, err
	}
	times, err := params.ParseRange(q)
	if err != nil {
		return p, err
	}
	tenant, err := tenantOf(r)
	if err != nil {
		return p, err
	}
	p.asked = schema.RowsRequest{
		Kind: kind, ID: p.id, Service: tenant.Service, Subservice: tenant.Subservice,
		From: times.From, To: times.To, Until: q.Get("until"),
		Offset: p.Offset, Limit: p.Limit,
	}
	head, readings, err := a.rows(r, p.asked)
	p.Total, p.until, p.readings = head.Total, head.Until, readings
	return p, err
}

// behind asks for the n readings that are older than a page's, those from before
// the range of the page included.
func (a *API) behind(r *http.Request, p readingsPage, n uint64) ([]schema.StoredReading, error) {
	if n == 0 || len(p.readings) == 0 {
		return nil, nil
	}
	req := p.asked
	req.From, req.Until = 0, p.until // the range's beginning does not change what is where
	req.Offset, req.Limit = p.Offset+uint64(len(p.readings)), n
	_, readings, err := a.rows(r, req)
	return readings, err
}

func (a *API) rows(r *http.Request, req schema.RowsRequest) (schema.RowsHead, []schema.StoredReading, error) {
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	return a.Client.Rows(ctx, req)
}

// reply returns the page's document with the link to the next one: the document
// itself has the form of Propeller's manager, which has no place for it.
func (p *readingsPage) reply(r *http.Request, body []byte) reply {
	next := p.next(r.URL)
	if next == "" {
		return reply{body: body}
	}
	return reply{body: body, header: http.Header{"Link": {"<" + next + `>; rel="next"`}}}
}

// next returns where the page behind p is, "" if there is none. It carries what
// until stands for, so that who follows the pages sees each reading once although
// new ones come.
func (p *readingsPage) next(u *url.URL) string {
	end := p.Offset + uint64(len(p.readings))
	if len(p.readings) == 0 || end >= p.Total {
		return ""
	}
	q := u.Query()
	q.Set("offset", strconv.FormatUint(end, 10))
	q.Set("limit", strconv.FormatUint(p.Limit, 10))
	q.Set("until", p.until)
	return u.EscapedPath() + "?" + q.Encode()
}

// restricted adds the tenant that a request asks for.
func restricted(r *http.Request, req schema.SourcesRequest) (schema.SourcesRequest, error) {
	tenant, err := tenantOf(r)
	req.Service, req.Subservice = tenant.Service, tenant.Subservice
	return req, err
}

// sourcesFor asks for the sources of the tenant that a request asks for.
func (a *API) sourcesFor(r *http.Request, req schema.SourcesRequest) ([]*schema.Source, error) {
	req, err := restricted(r, req)
	if err != nil {
		return nil, err
	}
	return a.sources(r.Context(), req)
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
	found, err := a.sourcesFor(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet, schema.KindTask}})
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
	found, err := a.sourcesFor(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindProplet}, ID: id})
	if err != nil {
		return reply{}, err
	}
	if len(found) == 0 {
		return reply{}, &problem{http.StatusNotFound, fmt.Sprintf("no such proplet: %s", id)}
	}
	tasks, err := a.sourcesFor(r, schema.SourcesRequest{Kinds: []schema.Kind{schema.KindTask}, Parent: id})
	if err != nil {
		return reply{}, err
	}
	view, _ := propeller.Latest(propeller.Proplets(append(found, tasks...), a.Now(), a.Heartbeat))
	return reply{body: propeller.AppendProplet(b, view)}, nil
}
