package config

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/pkg/schema"
)

// tenantsKey is the one key of the file that is not in the table: a list.
const tenantsKey = "tenants"

// TenantLimits are a tenant's own limits; what is nil is as for the others.
type TenantLimits struct {
	Service      string
	Subservice   string
	Retention    *time.Duration
	HistoryBytes *int
	SeriesLimit  *int
	SourceLimit  *int
}

// tenants applies the file's list of tenants with limits of their own.
func (l *loader) tenants(path string, list *yaml.Node) {
	if list.Kind != yaml.SequenceNode {
		l.faults.add(at(path, list), "%s: expected a list, such as - {service: factory, subservice: line1, retention: 30d}", tenantsKey)
		return
	}
	named := map[schema.Tenant]int{}
	for _, item := range list.Content {
		if item.Kind != yaml.MappingNode {
			l.faults.add(at(path, item), "%s: expected a tenant, such as {service: factory, subservice: line1, retention: 30d}", tenantsKey)
			continue
		}
		t := l.tenant(path, item)
		name := schema.Tenant{Service: t.Service, Subservice: t.Subservice}
		if !schema.ValidTenantName(t.Service) || !schema.ValidSubservice(t.Subservice) {
			l.faults.add(at(path, item), "%s: %q is no tenant, expected a service and a subservice", tenantsKey, name)
		} else if line, twice := named[name]; twice {
			l.faults.add(at(path, item), "%s: %s stands there already, in line %d", tenantsKey, name, line)
		}
		named[name] = item.Line
		l.config.Tenants = append(l.config.Tenants, t)
	}
}

// tenant reads one tenant of the list. Its limits are in the form that they
// have for all tenants.
func (l *loader) tenant(path string, item *yaml.Node) (t TenantLimits) {
	for nodes := item.Content; len(nodes) >= 2; nodes = nodes[2:] {
		k, v := nodes[0], nodes[1]
		if v.Kind != yaml.ScalarNode {
			l.faults.add(at(path, v), "%s: %s: expected one value, not a list or a mapping", tenantsKey, k.Value)
			continue
		}
		var one Config
		s, _ := lookup(k.Value, key)
		switch k.Value {
		case "service":
			t.Service = v.Value
			continue
		case "subservice":
			t.Subservice = strings.TrimPrefix(v.Value, "/")
			continue
		case "retention":
			t.Retention = &one.Retention
		case "history_bytes":
			t.HistoryBytes = &one.HistoryBytes
		case "series_limit":
			t.SeriesLimit = &one.SeriesLimit
		case "source_limit":
			t.SourceLimit = &one.SourceLimit
		default:
			l.faults.add(at(path, k), "%s: %q is not one of service, subservice, retention, history_bytes, series_limit, source_limit", tenantsKey, k.Value)
			continue
		}
		if err := s.set(&one, v.Value); err != nil {
			l.faults.add(at(path, v), "%s: %s: %s", tenantsKey, k.Value, err)
		}
	}
	return t
}
