package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"

	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/params"
	"weir/services/query/internal/perseo"
)

// adminMetrics serves GET /admin/metrics.
func adminMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	return tenantMetrics(r, b, a.Client.Tenants)
}

// resetMetrics serves GET /admin/metrics?reset=true: one request to the
// aggregator gets and resets, so nothing lies between the two.
func resetMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	return tenantMetrics(r, b, a.reset)
}

func tenantMetrics(r *http.Request, b []byte, tenants func(context.Context) ([]schema.TenantState, error)) (reply, error) {
	format, err := metricsFormat(r) // before anything is reset
	if err != nil {
		return reply{}, err
	}
	all, err := tenants(r.Context())
	if err != nil {
		return reply{}, err
	}
	return reply{
		contentType: "application/json; charset=utf-8",
		header:      correlator(r),
		body:        perseo.Append(b, format, all),
	}, nil
}

func metricsFormat(r *http.Request) (*perseo.Format, error) {
	name, err := params.OneOf(r.URL.Query(), "format", "perseo")
	if err != nil || name == "" {
		return perseo.Document, err
	}
	return perseo.Code, nil
}

// deleteMetrics serves DELETE /admin/metrics: an empty 200, as Perseo's.
func deleteMetrics(a *API, r *http.Request, _ []byte) (reply, error) {
	if _, err := a.reset(r.Context()); err != nil {
		return reply{}, err
	}
	return reply{header: correlator(r)}, nil
}

// reset resets the metrics. Once begun it goes on when the client goes away: the
// aggregator would carry it out in any case. Who gets no answer must learn that
// the numbers may be gone.
func (a *API) reset(ctx context.Context) ([]schema.TenantState, error) {
	tenants, err := a.Client.Reset(context.WithoutCancel(ctx))
	if errors.Is(err, readclient.ErrLate) || errors.Is(err, readclient.ErrBroken) {
		p := explain(err)
		return nil, &problem{p.code, p.text + "; the metrics may have been reset all the same"}
	}
	return tenants, err
}

// correlator is the header by which FIWARE's components follow a transaction:
// the client's, or a new one.
func correlator(r *http.Request) http.Header {
	id := r.Header.Get("Fiware-Correlator")
	if id == "" {
		id = uuid.NewString()
	}
	return http.Header{"Fiware-Correlator": {id}}
}
