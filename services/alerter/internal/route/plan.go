package route

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"weir/services/alerter/internal/alert"
)

// Plan returns what is due now. It changes nothing: as long as no notice is
// entered into the state, the same is due.
func (r *Router) Plan(s *alert.State, now time.Time) Plan {
	r.look(s)
	r.judgeMutes(now)
	p := &planner{router: r, state: s, now: now, due: map[alert.NoticeKey]bool{}}
	for _, b := range r.known.active {
		p.bucket(b)
	}
	if len(r.known.active) > 0 {
		p.plan.Next = earliest(p.plan.Next, r.known.silences.nextEdge(now))
	}
	slices.SortFunc(p.plan.Due, func(a, b Due) int {
		return cmp.Or(strings.Compare(a.Key.Group, b.Key.Group), strings.Compare(a.Receiver, b.Receiver), cmp.Compare(a.Index, b.Index))
	})
	slices.SortFunc(p.plan.Failing, compareKeys)
	p.plan.Failing = slices.Compact(p.plan.Failing)
	return p.plan
}

// judgeMutes says of each alert that fires whether it is muted now.
func (r *Router) judgeMutes(now time.Time) {
	for _, b := range r.known.active {
		for _, m := range b.firing {
			switch {
			case m.silencedAt(now):
				m.muted = MutedBySilence
			case m.inhibited():
				m.muted = MutedByInhibit
			default:
				m.muted = ""
			}
		}
	}
}

// planner puts a plan together.
type planner struct {
	router *Router
	state  *alert.State
	now    time.Time
	plan   Plan
	due    map[alert.NoticeKey]bool // two routes with the same matchers may share a key
}

// bucket plans for all that a group's receiver notifies, and for the fallback
// receiver.
func (p *planner) bucket(b *bucket) {
	var failing map[*member]bool // of which the receiver could not be told for long
	for _, in := range p.router.integrations[b.node.receiver] {
		st := p.router.standing(b, b.node.receiver, in, p.state, p.now, nil)
		p.take(st)
		failing = p.failing(st, failing)
	}
	if p.router.fallback == b.node.receiver {
		return
	}
	for _, in := range p.router.integrations[p.router.fallback] {
		key := alert.NoticeKey{Group: b.key, Receiver: p.router.fallback, Integration: in.key}
		if len(failing) > 0 || p.state.Notices[key] != nil {
			p.take(p.router.standing(b, p.router.fallback, in, p.state, p.now, &standIn{failing}))
		}
	}
}

// failing adds the alerts of which an integration that has failed for long is to
// be told; not those that it is only to be told of again.
func (p *planner) failing(st *standing, set map[*member]bool) map[*member]bool {
	if !st.owed || !st.notices.Failing() || len(st.news)+len(st.ended) == 0 {
		return set
	}
	if since := st.notices.FailingSince.Add(p.router.after); since.After(p.now) {
		p.plan.Next = earliest(p.plan.Next, since)
		return set
	}
	if set == nil {
		set = make(map[*member]bool, len(st.news)+len(st.ended))
	}
	for _, m := range slices.Concat(st.news, st.ended) {
		set[m] = true
	}
	return set
}

// take enters how one integration stands.
func (p *planner) take(st *standing) {
	if st.owed {
		p.plan.Owed++
	}
	if st.owed && st.notices.Failing() {
		p.plan.Failing = append(p.plan.Failing, st.key)
	}
	if !st.due {
		p.plan.Next = earliest(p.plan.Next, st.at)
		return
	}
	p.plan.Next = earliest(p.plan.Next, st.bucket.node.nextEdge(p.now))
	if p.due[st.key] {
		p.plan.Owed--
		return
	}
	p.due[st.key] = true
	p.plan.Due = append(p.plan.Due, Due{
		Key: st.key, ID: st.newsID(), RouteID: st.bucket.node.id, GroupLabels: st.bucket.labels,
		Receiver: st.key.Receiver, Index: st.index, Reason: st.reason, Fallback: st.standIn,
		GroupInterval: st.bucket.node.groupInterval,
		Firing:        alerts(st.firing, p.state), Resolved: alerts(st.ended, p.state),
	})
}

// alerts returns the alerts as they are now, in order.
func alerts(of []*member, s *alert.State) []*alert.Alert {
	of = slices.Clone(of)
	slices.SortFunc(of, compareMembers)
	all := make([]*alert.Alert, len(of))
	for i, m := range of {
		all[i] = s.Alerts[m.alert.ID]
	}
	return all
}

// newsID names the news of a notice: whom it goes to, what fires, what ended,
// and for a mere repetition, of what. An alert is news to an integration only
// once, so that no two notices that tell of something have the same name.
func (st *standing) newsID() string {
	h := sha256.New()
	part := func(texts ...string) {
		for _, t := range texts {
			_, _ = fmt.Fprintf(h, "%d:", len(t))
			_, _ = io.WriteString(h, t)
		}
		_, _ = io.WriteString(h, ";")
	}
	part(st.key.Group, st.key.Receiver, st.key.Integration)
	part(memberIDs(st.firing)...)
	part(memberIDs(st.ended)...)
	if len(st.news)+len(st.ended) == 0 {
		part(st.notices.SentAt.UTC().Format(time.RFC3339Nano))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

func memberIDs(of []*member) []string {
	ids := make([]string, len(of))
	for i, m := range of {
		ids[i] = string(m.alert.ID)
	}
	slices.Sort(ids)
	return ids
}
