package rule

import (
	"slices"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"weir/pkg/schema"
)

// sourcesExpression returns a data expression without what it says of sources' own
// labels: its result tells whether a source is there under whatever labels. It
// returns "" where that is the data expression itself.
//
//	spore_node_cpu_usage_percent{version="1.0.0", node="a"}    spore_node_cpu_usage_percent{node="a"}
func sourcesExpression(data string) string {
	e, err := promQL.ParseExpr(data)
	if err != nil {
		return ""
	}
	changed := false
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if s, ok := n.(*parser.VectorSelector); ok {
			before := len(s.LabelMatchers)
			s.LabelMatchers = withoutOwn(s.LabelMatchers)
			changed = changed || len(s.LabelMatchers) < before
		}
		return nil
	})
	if !changed {
		return ""
	}
	return e.String()
}

// withoutOwn leaves out the matchers of labels that a source says of itself. Which
// these are is known of the series of the schema's tables, by their names: they have
// the labels that weir gives them, and else only the source's. Those of other series
// may tell what is measured; they stay.
func withoutOwn(all []*labels.Matcher) []*labels.Matcher {
	i := slices.IndexFunc(all, func(m *labels.Matcher) bool {
		return m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual
	})
	if i < 0 {
		return all
	}
	given := givenLabels(all[i].Value)
	if given == nil {
		return all
	}
	return slices.DeleteFunc(slices.Clone(all), func(m *labels.Matcher) bool { return !slices.Contains(given, m.Name) })
}

// givenLabels are the labels that weir gives the series of a name, nil if it is in
// no table of series of sources.
func givenLabels(name string) []string {
	given := []string{model.MetricNameLabel, "service", "subservice"}
	for _, f := range schema.Fields {
		if f.Name == name {
			return append(given, idLabels(f.Kind)...)
		}
	}
	if !slices.Contains(liveOfSources, name) {
		return nil
	}
	given = append(given, schema.LiveKindLabel, schema.LiveSourceLabel, schema.LiveFieldLabel)
	for _, kind := range schema.Kinds() {
		given = append(given, idLabels(kind)...)
	}
	return given
}

// liveOfSources are the live series that have the labels of sources.
var liveOfSources = []string{schema.LiveSourceUp, schema.LiveSourceOffline, schema.LiveSourceLeft, schema.LiveSourceSilence,
	schema.LiveSourceLag, schema.LiveSourceExpectedInterval, schema.LiveSourceFieldSilence, schema.LiveSourceReadings}

// idLabels are the labels that name a source of a kind, and what it is part of.
func idLabels(kind schema.Kind) []string {
	if kind == schema.KindTask {
		return []string{kind.IDLabel(), schema.KindProplet.IDLabel()}
	}
	return []string{kind.IDLabel()}
}
