package promread

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/schema"
)

// The headers by which FIWARE's clients name their tenant.
const (
	serviceHeader     = "Fiware-Service"
	servicePathHeader = "Fiware-ServicePath"
)

// BadScope says which parameter or header does not name a tenant.
type BadScope struct {
	Parameter string // "service", "Fiware-ServicePath", …
	Err       error
}

// Error returns Prometheus' words for a parameter that cannot be understood.
func (e *BadScope) Error() string { return fmt.Sprintf("invalid parameter %q: %v", e.Parameter, e.Err) }

// Unwrap returns what is wrong with the value.
func (e *BadScope) Unwrap() error { return e.Err }

// RequestScope returns the matchers to which a request is restricted: those of
// its parameters service and subservice and of its Fiware headers. All of them
// hold at once: a proxy that sets the header decides what its clients see,
// whatever parameters they add. An empty value does not restrict.
//
// The request's form must have been parsed. The error is a *BadScope.
func RequestScope(r *http.Request) ([]*labels.Matcher, error) {
	var scope []*labels.Matcher
	for _, restriction := range []struct {
		label  string
		name   string
		values []string
		read   func(string) string
	}{
		{"service", "service", r.Form["service"], func(s string) string { return s }},
		{"service", serviceHeader, r.Header.Values(serviceHeader), strings.ToLower},
		{"subservice", "subservice", r.Form["subservice"], subservice},
		{"subservice", servicePathHeader, r.Header.Values(servicePathHeader), subservice},
	} {
		for _, value := range restriction.values {
			if value == "" {
				continue
			}
			name := restriction.read(value)
			if !valid(restriction.label, name) {
				return nil, &BadScope{restriction.name, fmt.Errorf("%q does not name a %s", value, restriction.label)}
			}
			scope = append(scope, labels.MustNewMatcher(labels.MatchEqual, restriction.label, name))
		}
	}
	return scope, nil
}

// valid reports whether a name is one of a service, or of a subservice: that of a
// service path with several levels has slashes.
func valid(label, name string) bool {
	if label == "subservice" {
		return schema.ValidSubservice(name)
	}
	return schema.ValidTenantName(name)
}

// subservice returns the name under which a service path is known.
func subservice(path string) string {
	if path == "/" {
		return schema.RootSubservice
	}
	return strings.TrimPrefix(path, "/")
}

// TenantScope returns the matchers that are met by a tenant's own series only.
func TenantScope(t schema.Tenant) []*labels.Matcher {
	return []*labels.Matcher{
		labels.MustNewMatcher(labels.MatchEqual, "service", t.Service),
		labels.MustNewMatcher(labels.MatchEqual, "subservice", t.Subservice),
	}
}

// Restrict returns a reader that sees nothing of r but what matches all of
// scope, whatever it is asked for.
func Restrict(r Reader, scope ...*labels.Matcher) Reader {
	if len(scope) == 0 {
		return r
	}
	return &restricted{reader: r, scope: scope}
}

// restricted does not embed the reader: a method added to Reader must be
// thought of here before anything compiles.
type restricted struct {
	reader Reader
	scope  []*labels.Matcher
}

func (r *restricted) matchers(asked []*labels.Matcher) []*labels.Matcher {
	return slices.Concat(asked, r.scope)
}

func (r *restricted) Select(ctx context.Context, req SelectRequest, visit func(labels.Labels, []int64, []float64)) error {
	req.Matchers = r.matchers(req.Matchers)
	return r.reader.Select(ctx, req, visit)
}

func (r *restricted) LabelNames(ctx context.Context, req LabelsRequest) ([]string, error) {
	req.Matchers = r.matchers(req.Matchers)
	return r.reader.LabelNames(ctx, req)
}

func (r *restricted) LabelValues(ctx context.Context, name string, req LabelsRequest) ([]string, error) {
	req.Matchers = r.matchers(req.Matchers)
	return r.reader.LabelValues(ctx, name, req)
}

// Cardinality counts the series of the scope itself: the reader knows only the
// numbers of all.
func (r *restricted) Cardinality(ctx context.Context, limit int) (Cardinality, error) {
	var c counter
	req := SelectRequest{Matchers: r.scope, From: MinTime.UnixMilli(), To: MaxTime.UnixMilli(), LabelsOnly: true}
	err := r.reader.Select(ctx, req, func(l labels.Labels, _ []int64, _ []float64) { c.add(l) })
	if err != nil {
		return Cardinality{}, err
	}
	return c.top(limit), nil
}
