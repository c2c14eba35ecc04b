package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strings"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
)

// The headers by which FIWARE's clients name their tenant and follow a
// transaction.
const (
	serviceHeader     = "Fiware-Service"
	servicePathHeader = "Fiware-Servicepath"
	correlatorHeader  = "Fiware-Correlator"
	totalCountHeader  = "Fiware-Total-Count"
)

// What Perseo accepts as a tenant. It is narrower than what devices may be.
const (
	defaultService       = "unknownt"
	maxServiceName       = 50
	maxServicePathLevels = 9
)

// requestTenant returns the tenant of a request's headers. A path is our
// subservice without its leading slash; "/" is schema.RootSubservice.
func requestTenant(h http.Header) (alert.Tenant, error) {
	return parseTenant(h.Get(serviceHeader), h.Get(servicePathHeader))
}

func parseTenant(service, path string) (t alert.Tenant, err error) {
	t.Service = strings.ToLower(cmp.Or(service, defaultService))
	if err := checkName(t.Service); err != nil {
		return t, err
	}
	path = cmp.Or(path, "/")
	if path == "/" {
		t.Subservice = schema.RootSubservice
		return t, nil
	}
	below, absolute := strings.CutPrefix(path, "/")
	if !absolute {
		return t, fmt.Errorf("service/subservice: '%s' is not absolute", path)
	}
	levels := strings.Split(below, "/")
	if len(levels) > maxServicePathLevels {
		return t, fmt.Errorf("service/subservice: '%s' has more than %d levels", path, maxServicePathLevels)
	}
	for _, level := range levels {
		if err := checkName(level); err != nil {
			return t, err
		}
	}
	t.Subservice = below
	return t, nil
}

func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("service/subservice: empty name")
	}
	if len(name) > maxServiceName {
		return fmt.Errorf("service/subservice: '%s' is longer than %d characters", name, maxServiceName)
	}
	for _, c := range name {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_':
		default:
			return fmt.Errorf("service/subservice: invalid character '%c'", c)
		}
	}
	return nil
}

// servicePath returns the path that a tenant's subservice is.
func servicePath(t alert.Tenant) string {
	if t.Subservice == schema.RootSubservice {
		return "/"
	}
	return "/" + t.Subservice
}
