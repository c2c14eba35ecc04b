package api

import (
	"net/http"
	"runtime"
)

// The shapes of Alertmanager's API v2, here and in the files beside this one,
// are those of its openapi.yaml; keys stand in the order in which Alertmanager
// writes them.

type statusDocument struct {
	Cluster     clusterDocument `json:"cluster"`
	Config      configDocument  `json:"config"`
	Uptime      stamp           `json:"uptime"`
	VersionInfo versionDocument `json:"versionInfo"`
}

type clusterDocument struct {
	Peers  []string `json:"peers"`
	Status string   `json:"status"`
}

type configDocument struct {
	Original string `json:"original"`
}

type versionDocument struct {
	Branch    string `json:"branch"`
	BuildDate string `json:"buildDate"`
	BuildUser string `json:"buildUser"`
	GoVersion string `json:"goVersion"`
	Revision  string `json:"revision"`
	Version   string `json:"version"`
}

// status serves GET /api/v2/status.
func (a *api) status(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, statusDocument{
		Cluster:     clusterDocument{Peers: []string{}, Status: "disabled"},
		Config:      configDocument{a.Routing().Original},
		Uptime:      stamp(a.Started),
		VersionInfo: versionDocument{GoVersion: runtime.Version(), Version: a.Version},
	})
}

// receiverDocument is a receiver's name.
type receiverDocument struct {
	Name string `json:"name"`
}

func receiverDocuments(names []string) []receiverDocument {
	all := make([]receiverDocument, len(names))
	for i, name := range names {
		all[i].Name = name
	}
	return all
}

// receivers serves GET /api/v2/receivers.
func (a *api) receivers(w http.ResponseWriter, _ *http.Request) {
	respond(w, http.StatusOK, receiverDocuments(a.Routing().Receivers))
}
