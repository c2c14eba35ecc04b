package actions

import (
	"context"
	"strings"
	"time"

	"weir/pkg/schema"
	"weir/pkg/schema/decode/ngsi"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// Entity is which entity an alert is about.
type Entity struct {
	Tenant alert.Tenant
	Label  string // that names it in its series: "device", "node", …
	ID     string
	Type   string // of a device, "" where the alert does not say
}

// Attributes reads what is known of an entity: the latest value of each of its
// series by the series' name, and its texts by their names.
type Attributes func(ctx context.Context, e Entity) (numbers map[string]float64, texts map[string]string, err error)

// What reading may take, before an action is done without.
const (
	readTries   = 3
	readTimeout = 2 * time.Second
	readPause   = time.Second
)

// entityOf returns the entity that an alert is about.
func entityOf(a *alert.Alert, t alert.Tenant) (e Entity, ok bool) {
	for _, entity := range entityLabels {
		if id, ok := a.Labels[entity.label]; ok {
			return Entity{Tenant: t, Label: string(entity.label), ID: string(id), Type: string(a.Labels["type"])}, true
		}
	}
	return e, false
}

// complete adds to a job's event what its texts and its rule's selection name and
// the alert does not say. It is read only then.
func (r *Runner) complete(ctx context.Context, j *job, one *rule.Rule, a *alert.Alert) {
	missing := lacking(j, one)
	e, known := entityOf(a, j.tenant)
	if r.Attributes == nil || !known || len(missing) == 0 {
		return
	}
	numbers, texts, err := r.read(ctx, e)
	if err != nil {
		r.Logger.Warn("an action is done without the entity's other attributes: they cannot be read", "rule", one.Name, "tenant", j.tenant, "entity", e.ID, "error", err)
		return
	}
	for as, attribute := range missing {
		if v, ok := valueOf(attribute, numbers, texts); ok {
			j.event[as] = v
		}
	}
}

// read reads an entity's attributes, more than once if need be.
func (r *Runner) read(ctx context.Context, e Entity) (numbers map[string]float64, texts map[string]string, err error) {
	for try := 1; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, readTimeout)
		numbers, texts, err = r.Attributes(bounded, e)
		cancel()
		if err == nil || try == readTries {
			return numbers, texts, err
		}
		select {
		case <-time.After(readPause):
		case <-ctx.Done():
			return nil, nil, err
		}
	}
}

// lacking returns the names that a job's event does not have, and which attribute
// each stands for.
func lacking(j *job, one *rule.Rule) map[string]string {
	named := map[string]string{}
	placeholders(j.Template, named)
	for _, v := range j.Parameters {
		placeholders(v, named)
	}
	for as := range named {
		if j.event[as] != nil {
			delete(named, as)
		} else if attribute, ok := one.API.Select[as]; ok {
			named[as] = attribute
		}
	}
	return named
}

// placeholders enters the names of a value's placeholders.
func placeholders(v any, into map[string]string) {
	switch v := v.(type) {
	case string:
		for {
			_, rest, found := strings.Cut(v, "${")
			name, after, closed := strings.Cut(rest, "}")
			if !found || !closed {
				return
			}
			name = strings.TrimSpace(name)
			into[name], v = name, after
		}
	case []any:
		for _, one := range v {
			placeholders(one, into)
		}
	case map[string]any:
		for key, one := range v {
			placeholders(key, into)
			placeholders(one, into)
		}
	}
}

// valueOf returns an attribute's value. Its series is called like it, or, with a
// kind of source that has its own names, has the kind's name before.
func valueOf(attribute string, numbers map[string]float64, texts map[string]string) (any, bool) {
	name := ngsi.SeriesName(attribute)
	names := []string{attribute, name}
	for _, kind := range schema.Kinds() {
		names = append(names, kind.String()+"_"+name)
	}
	for _, n := range names {
		if v, ok := numbers[n]; ok {
			return number(v), true
		}
		if v, ok := texts[n]; ok {
			return v, true
		}
	}
	return nil, false
}
