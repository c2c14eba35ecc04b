package query

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTheProfilesStandBesideTheOtherRoutes(t *testing.T) {
	h := withProfiles(http.NotFoundHandler())
	for path, want := range map[string]int{"/debug/pprof/goroutine?debug=1": 200, "/debug/pprof/": 200, "/other": 404} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("GET %s: %d, want %d", path, w.Code, want)
		}
	}
}
