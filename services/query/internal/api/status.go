package api

import (
	"bytes"
	"context"
	"net/http"
	"sync"
	"time"

	"weir/pkg/metrics"
	"weir/pkg/read/readclient"
	"weir/pkg/schema"
	"weir/services/query/internal/datamgmt"
	"weir/services/query/internal/exposition"
)

// health serves GET /health.
func health(a *API, r *http.Request, b []byte) (reply, error) {
	journal := make(chan error, 1)
	go func() { journal <- a.Client.CheckJournal(r.Context()) }()
	answers := a.check(r.Context())
	if err := <-journal; err != nil {
		answers.Journal = err.Error()
	}
	h := datamgmt.Judge(answers)
	if a.listener == Internal {
		return reply{code: h.Code(), body: h.AppendInternal(b, a.Version)}, nil
	}
	return reply{code: h.Code(), body: h.AppendExternal(b)}, nil
}

// networkStats serves GET /network/stats.
func networkStats(a *API, r *http.Request, b []byte) (reply, error) {
	answers := a.check(r.Context())
	if answers.Aggregator == nil && answers.Ingest == nil {
		return reply{}, readclient.ErrNoAggregator
	}
	return reply{body: datamgmt.AppendStats(b, answers, a.Now().Sub(a.Started))}, nil
}

// check asks all services at once: their times to answer must not add up.
func (a *API) check(ctx context.Context) (answers datamgmt.Answers) {
	var all sync.WaitGroup
	all.Go(func() {
		if h, err := a.Client.IngestHealth(ctx); err == nil {
			answers.Ingest = &h
		}
	})
	all.Go(func() {
		if h, err := a.Client.AggregatorHealth(ctx); err == nil {
			answers.Aggregator = &h
		}
	})
	if a.Alerter != nil {
		all.Go(func() {
			if h, err := a.Alerter.Health(ctx); err == nil {
				answers.Alerter = &h
			}
		})
	}
	all.Wait()
	answers.AlerterWas = a.Alerter != nil && a.Alerter.Seen()
	return answers
}

// exposeMetrics serves GET /metrics. It answers without an aggregator too: the
// process' own numbers are wanted most when something is wrong.
func exposeMetrics(a *API, r *http.Request, b []byte) (reply, error) {
	w := bytes.NewBuffer(b)
	a.Metrics(w)
	n, err := a.numbers(r.Context())
	if err != nil {
		a.Observer.Failed("/metrics", err)
	}
	exposition.Write(w, n)
	return reply{contentType: metrics.ContentType, body: w.Bytes()}, nil
}

// scrapeTimeout bounds what a scrape waits for the aggregator: Prometheus gives
// up on the whole of it after 10 s.
const scrapeTimeout = 5 * time.Second

// numbers asks for what the exposition shows; Up is false with an error.
func (a *API) numbers(ctx context.Context) (n exposition.Numbers, err error) {
	ctx, cancel := context.WithTimeout(ctx, scrapeTimeout)
	defer cancel()
	if n.Tenants, err = a.Client.Tenants(ctx); err != nil {
		return n, err
	}
	if n.Accounting, err = a.Client.Accounting(ctx); err != nil {
		return n, err
	}
	n.Sources = map[schema.Kind]uint64{}
	err = a.Client.Sources(ctx, schema.SourcesRequest{}, func(s *schema.Source) { n.Sources[s.Kind]++ })
	n.Up = err == nil
	return n, err
}
