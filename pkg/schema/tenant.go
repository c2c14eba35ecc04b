package schema

import "strings"

// RootSubservice is the name under which the subservice "/" is shown, as
// Orion's metrics do.
const RootSubservice = "root-subserv"

// MaxTenantName is the longest service or subservice name accepted, in bytes.
const MaxTenantName = 128

// Tenant says whose an event is: FIWARE's service and service path, Propeller's
// domain and channel. The zero Tenant stands for what could not be attributed,
// such as an event with a bad topic.
type Tenant struct {
	Service    string `json:"service"`
	Subservice string `json:"subservice"` // without its leading slash
}

// String returns "service/subservice".
func (t Tenant) String() string { return t.Service + "/" + t.Subservice }

// Compare orders tenants by service, then subservice.
func (t Tenant) Compare(u Tenant) int {
	if c := strings.Compare(t.Service, u.Service); c != 0 {
		return c
	}
	return strings.Compare(t.Subservice, u.Subservice)
}

// ValidTenantName reports whether s may name a service or a subservice:
// 1 to MaxTenantName ASCII letters, digits, '_', '-' and '.'.
func ValidTenantName(s string) bool {
	if len(s) == 0 || len(s) > MaxTenantName {
		return false
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '_', c == '-', c == '.':
		default:
			return false
		}
	}
	return true
}

// ValidSubservice reports whether s may name a subservice. That of a FIWARE
// service path with several levels has slashes: each level is a valid name.
func ValidSubservice(s string) bool {
	for level := range strings.SplitSeq(s, "/") {
		if !ValidTenantName(level) {
			return false
		}
	}
	return len(s) <= maxLevels*MaxTenantName
}

// maxLevels is the most levels of a FIWARE service path.
const maxLevels = 9
