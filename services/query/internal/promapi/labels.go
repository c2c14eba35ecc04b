package promapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"weir/pkg/read/promread"
)

// list is what series, labels and label values are asked for with.
type list struct {
	sets     [][]*labels.Matcher // at least one; an empty one is for everything
	from, to int64
	limit    int // above 0
}

// ask is one more than the limit, which shows that there are more.
func (l *list) ask() int { return l.limit + 1 }

func (a *API) list(r *request) (list, error) {
	limit, err := limitParam(r.Request)
	if err != nil {
		return list{}, err
	}
	from, to, err := rangeParams(r.Request)
	if err != nil {
		return list{}, err
	}
	sets, err := matcherSets(a.parser, r.Request)
	if err != nil {
		return list{}, err
	}
	if len(sets) == 0 {
		sets = [][]*labels.Matcher{nil}
	}
	if limit == 0 || limit > a.MaxSeries {
		limit = a.MaxSeries
	}
	return list{sets: sets, from: from, to: to, limit: limit}, nil
}

func (a *API) labelNames(w http.ResponseWriter, r *request) error {
	l, err := a.list(r)
	if err != nil {
		return err
	}
	return a.texts(w, r, &l, r.reader.LabelNames)
}

func (a *API) labelValues(w http.ResponseWriter, r *request) error {
	name := r.PathValue("name")
	if strings.HasPrefix(name, "U__") {
		name = model.UnescapeName(name, model.ValueEncodingEscaping)
	}
	if !model.UTF8Validation.IsValidLabelName(name) {
		return badData("invalid label name: %q", name)
	}
	l, err := a.list(r)
	if err != nil {
		return err
	}
	return a.texts(w, r, &l, func(ctx context.Context, req promread.LabelsRequest) ([]string, error) {
		return r.reader.LabelValues(ctx, name, req)
	})
}

// texts answers with what one of the reader's lists has for any of the sets of
// matchers, ascending.
func (a *API) texts(w http.ResponseWriter, r *request, l *list, ask func(context.Context, promread.LabelsRequest) ([]string, error)) error {
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	all, err := gather(l.sets, l.limit, strings.Compare, func(set []*labels.Matcher) ([]string, error) {
		return ask(ctx, promread.LabelsRequest{Matchers: set, From: l.from, To: l.to, Limit: l.ask()})
	})
	if err != nil {
		return fmt.Errorf("read labels: %w", err)
	}
	cut := len(all) > l.limit
	all = all[:min(len(all), l.limit)]
	return respond(w, result{warnings: withWarning(cut), data: func(b []byte) []byte { return stringList(b, all) }})
}

func (a *API) series(w http.ResponseWriter, r *request) error {
	if len(r.Form["match[]"]) == 0 {
		return badData("no match[] parameter provided")
	}
	l, err := a.list(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), a.Timeout)
	defer cancel()
	all, err := gather(l.sets, l.limit, labels.Compare, func(set []*labels.Matcher) (some []labels.Labels, err error) {
		req := promread.SelectRequest{Matchers: set, From: l.from, To: l.to, LabelsOnly: true, Limit: l.ask()}
		err = r.reader.Select(ctx, req, func(series labels.Labels, _ []int64, _ []float64) { some = append(some, series) })
		return some, err
	})
	if err != nil {
		return fmt.Errorf("read series: %w", err)
	}
	cut := len(all) > l.limit
	all = all[:min(len(all), l.limit)]
	return respond(w, result{warnings: withWarning(cut), data: func(b []byte) []byte { return labelsList(b, all) }})
}

func labelsList(b []byte, all []labels.Labels) []byte {
	b = append(b, '[')
	for i, l := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLabels(b, l)
	}
	return append(b, ']')
}
