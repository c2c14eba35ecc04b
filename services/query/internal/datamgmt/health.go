// Package datamgmt writes the documents of DataMgmt's node API, health and
// network statistics, out of what weir's services answer.
package datamgmt

import (
	"fmt"
	"strings"

	"weir/pkg/schema"
	"weir/services/query/internal/jsonappend"
)

// Answers is what the checks of one moment found.
type Answers struct {
	Ingest     *schema.IngestHealth     // nil: it does not answer
	Aggregator *schema.AggregatorHealth // nil: it does not answer
	Alerter    *schema.AlerterHealth    // nil: it does not answer
	AlerterWas bool                     // it answered before: the deployment has one
	Journal    string                   // why the journal's stream cannot be reached, "" if it can
}

// Status sums up a health; the words are DataMgmt's.
type Status string

// The statuses.
const (
	Healthy   Status = "healthy"   // everything works
	Degraded  Status = "degraded"  // something does not, the main job goes on
	Unhealthy Status = "unhealthy" // devices cannot be served
)

// CatchingUp is how many frames an aggregator may be behind the journal and
// still count as running: some seconds of full load.
const CatchingUp = 10_000

// Health is a verdict on the answers.
type Health struct {
	Status Status

	Broker     string // running, stopped, or unknown where ingest does not answer
	Journal    string // connected or disconnected
	Aggregator string // running, catching_up or stopped
	Store      string // open, failed, or unknown where the aggregator does not answer
	Alerter    string // running, degraded or stopped
	Limits     string // near if a tenant is near a limit of what it may have, else ""

	Peers uint64 // sources heard of lately

	problems []problem
}

// problem is a component that is not as it should be.
type problem struct{ component, state, detail string }

// Judge gives the verdict.
//
// Unhealthy is what stops the main job: the journal cannot be reached, so that
// nothing a device sends can be acknowledged; or neither a broker nor an
// aggregator runs. The journal is connected if its stream answers and neither
// ingest's last append nor the aggregator's reading failed. Anything else that
// is not as it should be is degraded: without a broker the numbers can be
// read, without an aggregator devices are still stored. A tenant near a limit is
// degraded too: beyond it what it sends is rejected. So is an alerter that says so
// of itself, or that stopped; where there never was one, none is missed.
func Judge(a Answers) Health {
	h := Health{Broker: "unknown", Journal: "connected", Aggregator: "stopped", Store: "unknown", Alerter: "stopped"}
	h.judgeIngest(a.Ingest)
	h.judgeAggregator(a.Aggregator)
	h.judgeJournal(a)
	h.judgeAlerter(a)
	h.Status = h.sumUp()
	return h
}

func (h *Health) judgeIngest(i *schema.IngestHealth) {
	if i == nil {
		h.problem("broker", h.Broker, "the ingest does not answer")
		return
	}
	if h.Broker = i.Broker; h.Broker != "running" {
		h.problem("broker", h.Broker, "")
	}
}

func (h *Health) judgeAggregator(a *schema.AggregatorHealth) {
	if a == nil {
		h.problem("aggregator", h.Aggregator, "it does not answer")
		return
	}
	h.Aggregator, h.Store, h.Peers = "running", "open", a.HealthyPeers
	if a.Behind > CatchingUp {
		h.Aggregator = "catching_up"
		h.problem("aggregator", h.Aggregator, "")
	}
	if a.StoreError != "" {
		h.Store = "failed"
		h.problem("store", h.Store, a.StoreError)
	}
	if len(a.Limits) > 0 {
		h.Limits = "near"
		h.problem("a tenant's limit", h.Limits, strings.Join(a.Limits, ", "))
	}
}

func (h *Health) judgeJournal(a Answers) {
	detail := a.Journal
	if detail == "" && a.Ingest != nil {
		detail = a.Ingest.JournalError
	}
	if detail == "" && a.Aggregator != nil {
		detail = a.Aggregator.JournalError
	}
	if detail != "" {
		h.Journal = "disconnected"
		h.problem("journal", h.Journal, detail)
	}
}

func (h *Health) judgeAlerter(a Answers) {
	switch {
	case a.Alerter == nil && a.AlerterWas:
		h.problem("alerter", h.Alerter, "it does not answer")
	case a.Alerter != nil:
		if h.Alerter = a.Alerter.State; h.Alerter != schema.AlerterRunning {
			h.problem("alerter", h.Alerter, strings.Join(alerterFaults(a.Alerter), ", "))
		}
	}
}

// alerterFaults says what is wrong with an alerter.
func alerterFaults(a *schema.AlerterHealth) (all []string) {
	for _, f := range []struct{ what, err string }{
		{"its events cannot be stored", a.LedgerError},
		{"a rule cannot be evaluated", a.EvaluationError},
		{fmt.Sprintf("%d notices fail, the last to %s", a.NoticesFailing, a.NoticeReceiver), a.NoticeError},
		{"its configuration was not loaded", a.ConfigError},
	} {
		if f.err != "" {
			all = append(all, f.what+": "+f.err)
		}
	}
	return all
}

func (h *Health) problem(component, state, detail string) {
	h.problems = append(h.problems, problem{component, state, detail})
}

func (h *Health) sumUp() Status {
	switch {
	case h.Journal != "connected", h.Broker != "running" && h.Aggregator == "stopped":
		return Unhealthy
	case len(h.problems) > 0:
		return Degraded
	}
	return Healthy
}

// Code is the HTTP status of the health documents: 503 when unhealthy, 200
// otherwise. Who polls must look at the document: degraded is 200.
func (h *Health) Code() int {
	if h.Status == Unhealthy {
		return 503
	}
	return 200
}

// AppendInternal appends the answer of GET /health on the internal listener and
// a newline:
//
//	{"status", "error", "components": {"broker", "journal", "aggregator", "store", "alerter", "limits"}, "version"}
//
// error says what is wrong and is absent when healthy. limits is absent while
// no tenant is near one.
func (h *Health) AppendInternal(b []byte, version string) []byte {
	b = h.open(b, true)
	b = append(jsonappend.Key(b, "components"), '{')
	b = jsonappend.Field(b, "broker", h.Broker)
	b = jsonappend.Field(b, "journal", h.Journal)
	b = jsonappend.Field(b, "aggregator", h.Aggregator)
	b = jsonappend.Field(b, "store", h.Store)
	b = jsonappend.Field(b, "alerter", h.Alerter)
	if h.Limits != "" {
		b = jsonappend.Field(b, "limits", h.Limits)
	}
	b = jsonappend.Field(append(b, '}'), "version", version)
	return append(b, '}', '\n')
}

// AppendExternal appends the answer of GET /health on the external listener and
// a newline:
//
//	{"status", "error", "p2p": {"running": bool, "peers": n}}
//
// running is the broker's, peers are the sources heard of lately. error names
// components and their states without details.
func (h *Health) AppendExternal(b []byte) []byte {
	b = h.open(b, false)
	b = append(jsonappend.Key(b, "p2p"), '{')
	b = jsonappend.Bool(b, "running", h.Broker == "running")
	b = jsonappend.Uint(b, "peers", h.Peers)
	return append(b, "}}\n"...)
}

func (h *Health) open(b []byte, details bool) []byte {
	b = jsonappend.Field(append(b, '{'), "status", string(h.Status))
	if len(h.problems) == 0 {
		return b
	}
	texts := make([]string, len(h.problems))
	for i, p := range h.problems {
		texts[i] = p.component + " is " + p.state
		if details && p.detail != "" {
			texts[i] += ": " + p.detail
		}
	}
	return jsonappend.Field(b, "error", strings.Join(texts, "; "))
}
