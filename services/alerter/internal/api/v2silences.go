package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/common/model"

	"weir/pkg/read/promread/bounds"
	"weir/services/alerter/internal/alert"
)

type silenceDocument struct {
	ID          string            `json:"id"`
	Status      stateDocument     `json:"status"`
	UpdatedAt   stamp             `json:"updatedAt"`
	Annotations map[string]string `json:"annotations"`
	Comment     string            `json:"comment"`
	CreatedBy   string            `json:"createdBy"`
	EndsAt      stamp             `json:"endsAt"`
	Matchers    []alert.Matcher   `json:"matchers"`
	StartsAt    stamp             `json:"startsAt"`
}

type stateDocument struct {
	State string `json:"state"`
}

// The states of silences, in the order in which they are listed.
const (
	silenceActive  = "active"
	silencePending = "pending"
	silenceExpired = "expired"
)

var silenceOrder = []string{silenceActive, silencePending, silenceExpired}

func silenceState(s *alert.Silence, now time.Time) string {
	switch {
	case now.Before(s.StartsAt):
		return silencePending
	case now.Before(s.EndsAt):
		return silenceActive
	}
	return silenceExpired
}

func silenceDocumentOf(s *alert.Silence, now time.Time) silenceDocument {
	d := silenceDocument{
		ID: s.ID, Status: stateDocument{silenceState(s, now)}, UpdatedAt: stamp(s.UpdatedAt),
		Annotations: s.Annotations, Comment: s.Comment, CreatedBy: s.CreatedBy,
		EndsAt: stamp(s.EndsAt), Matchers: s.Matchers, StartsAt: stamp(s.StartsAt),
	}
	if d.Annotations == nil {
		d.Annotations = map[string]string{}
	}
	return d
}

// silences serves GET /api/v2/silences: active ones by their end, then pending
// ones by their start, then expired ones, the latest first.
func (a *api) silences(w http.ResponseWriter, r *http.Request) {
	asked, err := parseMatchers(r.URL.Query()["filter"])
	states := map[string]bool{}
	for _, state := range silenceOrder {
		var bad error
		states[state], bad = boolParameter(r, state)
		err = errors.Join(err, bad)
	}
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	now := a.Now()
	found := []silenceDocument{}
	a.Ledger.Read(func(s *alert.State) {
		for _, silence := range s.Silences {
			if states[silenceState(silence, now)] && silenceHas(silence, asked) {
				found = append(found, silenceDocumentOf(silence, now))
			}
		}
	})
	slices.SortFunc(found, compareSilences)
	respond(w, http.StatusOK, found)
}

func compareSilences(a, b silenceDocument) int {
	state := func(d silenceDocument) int { return slices.Index(silenceOrder, d.Status.State) }
	byTime := 0
	switch a.Status.State {
	case silenceActive:
		byTime = time.Time(a.EndsAt).Compare(time.Time(b.EndsAt))
	case silencePending:
		byTime = time.Time(a.StartsAt).Compare(time.Time(b.StartsAt))
	case silenceExpired:
		byTime = time.Time(b.EndsAt).Compare(time.Time(a.EndsAt))
	}
	return cmp.Or(cmp.Compare(state(a), state(b)), byTime, cmp.Compare(a.ID, b.ID))
}

func (a *api) findSilence(id string) (found *alert.Silence) {
	a.Ledger.Read(func(s *alert.State) { found = s.Silences[id] })
	return found
}

// silence serves GET /api/v2/silence/{id}.
func (a *api) silence(w http.ResponseWriter, r *http.Request) {
	s := a.findSilence(r.PathValue("id"))
	if s == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	respond(w, http.StatusOK, silenceDocumentOf(s, a.Now()))
}

// deleteSilence serves DELETE /api/v2/silence/{id}: the silence ends now.
func (a *api) deleteSilence(w http.ResponseWriter, r *http.Request) {
	a.changing.Lock()
	defer a.changing.Unlock()
	s, now := a.findSilence(r.PathValue("id")), a.Now()
	if s == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	if silenceState(s, now) == silenceExpired {
		return
	}
	if err := a.Ledger.Append(r.Context(), ended(s, now)); err != nil {
		refuse(w, http.StatusInternalServerError, fmt.Errorf("store the silence: %w", err))
	}
}

// ended ends a silence now. One that has not begun never will.
func ended(s *alert.Silence, now time.Time) alert.Event {
	over := *s
	over.EndsAt, over.UpdatedAt = now, now
	if over.StartsAt.After(now) {
		over.StartsAt = now
	}
	return alert.Event{At: now, Silence: &over}
}

// postedSilence is a silence that somebody wants. IsEqual is true when it is
// left out.
type postedSilence struct {
	ID       string `json:"id"`
	Matchers []struct {
		Name    *string `json:"name"`
		Value   *string `json:"value"`
		IsRegex bool    `json:"isRegex"`
		IsEqual *bool   `json:"isEqual"`
	} `json:"matchers"`
	StartsAt    stamp             `json:"startsAt"`
	EndsAt      stamp             `json:"endsAt"`
	CreatedBy   string            `json:"createdBy"`
	Comment     string            `json:"comment"`
	Annotations map[string]string `json:"annotations"`
}

// What is wrong with a silence, as Alertmanager words it.
var (
	errNoSilence = errors.New("silence not found")
	errEndsEarly = errors.New("failed to create silence: start time must be before end time")
	errEnded     = errors.New("failed to create silence: end time can't be in the past")
)

// postSilence serves POST /api/v2/silences.
func (a *api) postSilence(w http.ResponseWriter, r *http.Request) {
	var posted postedSilence
	if err := readJSON(r, &posted); err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	now := a.Now()
	silence, err := posted.silence(now)
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	id, err := a.setSilence(r.Context(), silence, now)
	switch {
	case errors.Is(err, errNoSilence):
		refuse(w, http.StatusNotFound, err)
	case err != nil:
		refuse(w, http.StatusInternalServerError, err)
	default:
		respond(w, http.StatusOK, struct {
			SilenceID string `json:"silenceID"`
		}{id})
	}
}

// silence checks what was posted. Its errors are those of Alertmanager.
func (p *postedSilence) silence(now time.Time) (*alert.Silence, error) {
	s := &alert.Silence{
		ID: p.ID, StartsAt: time.Time(p.StartsAt), EndsAt: time.Time(p.EndsAt), UpdatedAt: now,
		CreatedBy: p.CreatedBy, Comment: p.Comment, Annotations: p.Annotations,
	}
	if s.StartsAt.IsZero() {
		s.StartsAt = now
	}
	if !s.StartsAt.Before(s.EndsAt) {
		return nil, errEndsEarly
	}
	if s.EndsAt.Before(now) {
		return nil, errEnded
	}
	if err := p.checkPatterns(); err != nil {
		return nil, fmt.Errorf("invalid silence: %w", err)
	}
	matches := false
	for i, m := range p.Matchers {
		if m.Name == nil || m.Value == nil {
			return nil, fmt.Errorf("invalid silence: matcher %d has no name or no value", i)
		}
		own := alert.Matcher{Name: *m.Name, Value: *m.Value, IsRegex: m.IsRegex, IsEqual: m.IsEqual == nil || *m.IsEqual}
		matchesEmpty, err := checkMatcher(own)
		if err != nil {
			return nil, fmt.Errorf("invalid silence: invalid label matcher %d: %w", i, err)
		}
		matches = matches || !matchesEmpty
		s.Matchers = append(s.Matchers, own)
	}
	if !matches {
		return nil, errors.New("invalid silence: at least one matcher must not match the empty string")
	}
	return s, nil
}

// checkPatterns returns an error if the regular expressions are too large together:
// they would be compiled again at each start.
func (p *postedSilence) checkPatterns() error {
	var patterns []string
	for _, m := range p.Matchers {
		if m.IsRegex && m.Value != nil {
			patterns = append(patterns, *m.Value)
		}
	}
	return bounds.CheckPatterns(patterns...)
}

// checkMatcher reports whether a matcher says only that a label may be missing.
func checkMatcher(m alert.Matcher) (matchesEmpty bool, err error) {
	if !model.UTF8Validation.IsValidLabelName(m.Name) {
		return false, fmt.Errorf("invalid label name %q", m.Name)
	}
	compiled, err := compile(m)
	if err != nil {
		return false, fmt.Errorf("invalid regular expression %q: %w", m.Value, err)
	}
	return m.IsEqual && compiled.Matches(""), nil
}

// setSilence stores a silence under its ID if that says of the past what was
// said before, and otherwise ends the old one and stores it under a new ID.
func (a *api) setSilence(ctx context.Context, s *alert.Silence, now time.Time) (id string, err error) {
	a.changing.Lock()
	defer a.changing.Unlock()
	var events []alert.Event
	if s.ID != "" {
		before := a.findSilence(s.ID)
		if before == nil {
			return "", errNoSilence
		}
		if !updatable(before, s, now) {
			if silenceState(before, now) != silenceExpired {
				events = append(events, ended(before, now))
			}
			s.ID = ""
		}
	}
	if s.ID == "" {
		s.ID = a.NewID()
		if s.StartsAt.Before(now) {
			s.StartsAt = now
		}
	}
	if err := a.Ledger.Append(ctx, append(events, alert.Event{At: now, Silence: s})...); err != nil {
		return "", fmt.Errorf("store the silence: %w", err)
	}
	return s.ID, nil
}

// updatable reports whether a silence may become another without a change of
// what it was so far.
func updatable(before, after *alert.Silence, now time.Time) bool {
	if !slices.Equal(before.Matchers, after.Matchers) {
		return false
	}
	switch silenceState(before, now) {
	case silenceActive:
		return before.StartsAt.Unix() == after.StartsAt.Unix() && !after.EndsAt.Before(now)
	case silencePending:
		return !after.StartsAt.Before(now)
	}
	return false
}
