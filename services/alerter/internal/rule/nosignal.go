package rule

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread/bounds"
	"weir/pkg/schema"
)

// MinCheckInterval is the least check interval of a no-signal rule, in minutes.
const MinCheckInterval = 1

type rawNoSignal struct {
	CheckInterval  json.RawMessage `json:"checkInterval"`  // minutes
	ReportInterval json.RawMessage `json:"reportInterval"` // seconds
	ID             string          `json:"id"`
	IDRegexp       string          `json:"idRegexp"`
	Type           string          `json:"type"`
	Attribute      string          `json:"attribute"`
}

// fromNoSignal reads a rule that watches for silence: of sources, and of one of
// their attributes while the source lives. It looks at weir_source_silence_seconds
// and weir_source_field_silence_seconds. The latter is there only while something
// is missing, so its end is the signal's return.
func (a *apiRule) fromNoSignal(g *Group, r *Rule) error {
	var raw rawNoSignal
	if err := json.Unmarshal(a.NoSignal, &raw); err != nil {
		return refuse("nosignal: %s", badJSON("", err))
	}
	check, err := readNumber(raw.CheckInterval)
	if err != nil || check < MinCheckInterval || check > math.MaxInt32 {
		return refuse("invalid check interval %s", show(raw.CheckInterval))
	}
	report, err := readNumber(raw.ReportInterval)
	if err != nil || report <= 0 || report > math.MaxInt32 {
		return refuse("invalid report interval %s", show(raw.ReportInterval))
	}
	matchers, err := raw.matchers()
	if err != nil {
		return err
	}
	n := &NoSignal{CheckInterval: time.Duration(check * float64(time.Minute)), ReportInterval: time.Duration(report * float64(time.Second)),
		ID: raw.ID, IDRegexp: raw.IDRegexp, Type: raw.Type, Attribute: raw.Attribute}
	r.API.NoSignal, r.API.Attribute = n, raw.Attribute
	r.ResolveOnAbsent = true
	r.Expr = silence(schema.LiveSourceSilence, matchers, report)
	if raw.Attribute != "" {
		matchers = append(matchers, named(schema.LiveFieldLabel, raw.Attribute))
		r.Expr += " or " + silence(schema.LiveSourceFieldSilence, matchers, report)
	}
	r.Annotations = model.LabelSet{"summary": model.LabelValue(r.Name + ": no signal of {{ $labels.source }} for {{ $value }} s")}
	g.Interval = n.CheckInterval
	return nil
}

func silence(name string, matchers []*labels.Matcher, seconds float64) string {
	return fmt.Sprintf("%s > %s", selector(labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, name), matchers), strconv.FormatFloat(seconds, 'g', -1, 64))
}

// matchers match sources: an expression for ids is not anchored.
func (n *rawNoSignal) matchers() ([]*labels.Matcher, error) {
	var all []*labels.Matcher
	switch {
	case n.ID != "" && n.IDRegexp != "":
		return nil, refuse("nosignal has an id or an idRegexp")
	case n.ID != "":
		all = append(all, labels.MustNewMatcher(labels.MatchEqual, schema.LiveSourceLabel, n.ID))
	case n.IDRegexp != "":
		if err := bounds.CheckPatterns(n.IDRegexp); err != nil {
			return nil, refuse("invalid idRegexp: %v", err)
		}
		if _, err := regexp.Compile(n.IDRegexp); err != nil {
			return nil, refuse("invalid idRegexp %s: %v", n.IDRegexp, err)
		}
		m, err := labels.NewMatcher(labels.MatchRegexp, schema.LiveSourceLabel, "(?s:.*?)(?:"+n.IDRegexp+")(?s:.*)")
		if err != nil {
			return nil, refuse("invalid idRegexp %s: %v", n.IDRegexp, err)
		}
		all = append(all, m)
	}
	if n.Type != "" {
		all = append(all, labels.MustNewMatcher(labels.MatchEqual, entityTypeLabel, n.Type))
	}
	return all, nil
}
