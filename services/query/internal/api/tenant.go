package api

import (
	"fmt"
	"net/http"

	"weir/pkg/read/promread"
	"weir/pkg/schema"
)

// tenantOf returns the service and the subservice to which a request for the fleet
// or its history is restricted, "" for any, by the parameters and the headers that
// restrict PromQL: a proxy that sets the headers decides what its clients see,
// whichever of these routes they ask. Where PromQL finds nothing, since two names
// cannot hold at once, the request is refused.
func tenantOf(r *http.Request) (t schema.Tenant, err error) {
	if err := r.ParseForm(); err != nil {
		return t, &problem{http.StatusBadRequest, fmt.Sprintf("read the parameters: %v", err)}
	}
	scope, err := promread.RequestScope(r)
	if err != nil {
		return t, &problem{http.StatusBadRequest, err.Error()}
	}
	for _, m := range scope {
		name := &t.Service
		if m.Name == "subservice" {
			name = &t.Subservice
		}
		if *name != "" && *name != m.Value {
			return t, &problem{http.StatusBadRequest, fmt.Sprintf("the request names two of %s, %q and %q", m.Name, *name, m.Value)}
		}
		*name = m.Value
	}
	return t, nil
}
