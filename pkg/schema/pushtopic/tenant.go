package pushtopic

import (
	"cmp"
	"fmt"
	"strings"

	"weir/pkg/schema"
)

// What FIWARE's context brokers accept as a tenant, and the service of whoever
// names none. It is narrower than what devices may be.
const (
	DefaultService = "unknownt"
	maxServiceName = 50
	maxLevels      = 9 // of a service path
)

// MaxTenants is the most service paths that a notification may name.
const MaxTenants = 1000

// FiwareTenants returns the tenants that the headers Fiware-Service and
// Fiware-ServicePath name: one for each path of a list with commas. "" stands for
// DefaultService and "/". A service counts in lower case. A path is our subservice
// without its leading slash, and "/" is schema.RootSubservice.
//
// The errors are Perseo's, whose clients know them.
func FiwareTenants(service, path string) ([]schema.Tenant, error) {
	service = strings.ToLower(cmp.Or(service, DefaultService))
	if err := checkName(service); err != nil {
		return nil, err
	}
	list := strings.Split(cmp.Or(path, "/"), ",")
	if len(list) > MaxTenants {
		return nil, fmt.Errorf("service/subservice: %d paths, at most %d", len(list), MaxTenants)
	}
	tenants := make([]schema.Tenant, len(list))
	for i, one := range list {
		subservice, err := subserviceOf(strings.TrimSpace(one))
		if err != nil {
			return nil, err
		}
		tenants[i] = schema.Tenant{Service: service, Subservice: subservice}
	}
	return tenants, nil
}

func subserviceOf(path string) (string, error) {
	if path == "/" {
		return schema.RootSubservice, nil
	}
	below, absolute := strings.CutPrefix(path, "/")
	if !absolute {
		return "", fmt.Errorf("service/subservice: '%s' is not absolute", shown(path))
	}
	levels := strings.Split(below, "/")
	if len(levels) > maxLevels {
		return "", fmt.Errorf("service/subservice: '%s' has more than %d levels", shown(path), maxLevels)
	}
	for _, level := range levels {
		if err := checkName(level); err != nil {
			return "", err
		}
	}
	return below, nil
}

func checkName(name string) error {
	if name == "" {
		return fmt.Errorf("service/subservice: empty name")
	}
	if len(name) > maxServiceName {
		return fmt.Errorf("service/subservice: '%s' is longer than %d characters", shown(name), maxServiceName)
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

// shown cuts what a client sent to what an answer may hold.
func shown(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// joinPaths returns the service paths of tenants as a list with commas.
func joinPaths(tenants []schema.Tenant) string {
	var b strings.Builder
	for i, t := range tenants {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('/')
		if t.Subservice != schema.RootSubservice {
			b.WriteString(t.Subservice)
		}
	}
	return b.String()
}

// CheckTenant returns what is wrong with a tenant, nil if nothing is: a service
// is one name, a subservice one or more with slashes between them.
func CheckTenant(t schema.Tenant) error {
	const expected = "expected 1 to %d ASCII letters, digits, '_', '-' or '.'"
	if !schema.ValidTenantName(t.Service) {
		return fmt.Errorf("service is %q: "+expected, shown(t.Service), schema.MaxTenantName)
	}
	if !schema.ValidSubservice(t.Subservice) {
		return fmt.Errorf("subservice is %q: "+expected+", or several such names with '/' between them", shown(t.Subservice), schema.MaxTenantName)
	}
	return nil
}
