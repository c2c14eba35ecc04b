package api

import (
	"fmt"
	"net/http"
)

// intakeRoutes are the routes that ingest serves: what devices and systems push,
// and the routes beside that which Perseo's clients know. The rows of one path
// must differ in the method.
var intakeRoutes = []route{
	{"POST", "/notices", "", InternalOnly, true, nil, "FIWARE notifications, NGSIv2; the headers Fiware-Service and Fiware-ServicePath say whose"},
	{"PUT", "/metrics/job/", "", InternalOnly, true, nil, "the Pushgateway's API: a group of metrics, /metrics/job/JOB{/LABEL/VALUE}; ?service, ?subservice"},
	{"POST", "/metrics/job/", "", InternalOnly, true, nil, "the same, added to the group"},
	{"DELETE", "/metrics/job/", "", InternalOnly, true, nil, "the end of the group"},
	{"PUT", "/metrics/job@base64/", "", InternalOnly, true, nil, "the same, with a job in base64"},
	{"POST", "/metrics/job@base64/", "", InternalOnly, true, nil, "the same"},
	{"DELETE", "/metrics/job@base64/", "", InternalOnly, true, nil, "the same"},
	{"POST", "/api/v1/write", "", InternalOnly, true, nil, "Prometheus' remote write, 1.0 and 2.0; ?service, ?subservice"},
	{"POST", "/write", "", InternalOnly, true, nil, "InfluxDB's line protocol, version 1; ?precision, ?service, ?subservice"},
	{"POST", "/api/v2/write", "", InternalOnly, true, nil, "InfluxDB's line protocol, version 2; ?precision, ?service, ?subservice"},

	{"GET", "/check", "", Everyone, false, nil, "whether ingest is there, as Perseo says it"},
	{"GET", "/version", "", Everyone, false, nil, "weir's version, as Perseo says it"},
	{"GET", "/admin/log", "", InternalOnly, false, nil, "the log's level"},
	{"PUT", "/admin/log", "", InternalOnly, true, nil, "change the log's level; ?level=DEBUG|INFO|WARN|ERROR"},
}

// mountIntake serves ingest's routes beside those of the table.
func (a *API) mountIntake() {
	if a.Intake == nil {
		return
	}
	a.mountPassed(intakeRoutes, func(path string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen := &watcher{ResponseWriter: w}
			a.Intake.ServeHTTP(seen, r)
			if code := seen.status(); code >= 500 {
				a.Observer.Failed(path, fmt.Errorf("the ingest's answer has the status %d", code))
			}
		})
	})
}

// appendIntake appends ingest's routes to the index.
func (a *API) appendIntake(b []byte) []byte {
	if a.Intake == nil {
		return b
	}
	return a.appendRoutes(b, intakeRoutes)
}
