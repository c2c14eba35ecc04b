package route

import (
	"slices"
	"time"

	"weir/services/alerter/internal/alert"
)

// standing is how one integration of a receiver stands with a group: what it is
// owed, and since when or from when on.
type standing struct {
	bucket  *bucket
	key     alert.NoticeKey
	index   int
	standIn bool
	notices *alert.NoticeState // never nil

	firing []*member // that are not muted
	news   []*member // those of them that it was not told of
	ended  []*member // of whose end it is to be told
	open   bool      // it was told of alerts that still fire, or whose end it is not told of

	due    bool
	owed   bool // due, or due but for the pause after an attempt that failed
	reason Reason
	at     time.Time // unless due: when to look again, zero for never
}

// standIn restricts what the fallback receiver is owed: to be told of these, and
// of the end of what it was told of. It is told nothing again.
type standIn struct{ alerts map[*member]bool }

var nothingYet = &alert.NoticeState{}

// standing says how an integration stands with a group. Judge the mutes before.
func (r *Router) standing(b *bucket, receiver string, in integration, s *alert.State, now time.Time, only *standIn) *standing {
	st := &standing{bucket: b, index: in.index, standIn: only != nil, notices: nothingYet,
		key: alert.NoticeKey{Group: b.key, Receiver: receiver, Integration: in.key}}
	if known := s.Notices[st.key]; known != nil {
		st.notices = known
	}
	muted := st.gatherFiring(only)
	st.gatherEnded(in, now, only)
	st.decide(now, muted)
	return st
}

// gatherFiring finds what fires and what of it is news. It returns why something
// that fires is muted, "" if nothing is.
func (st *standing) gatherFiring(only *standIn) (muted Reason) {
	told := newIDs(st.notices.Firing)
	for _, m := range st.bucket.firing {
		known := told.has(m.alert.ID)
		st.open = st.open || known
		if m.muted != "" {
			muted = m.muted
			continue
		}
		st.firing = append(st.firing, m)
		if !known && (only == nil || only.alerts[m]) {
			st.news = append(st.news, m)
		}
	}
	return muted
}

// gatherEnded finds the alerts of whose end the integration is to be told: those
// that it was told of; those that an attempt had that failed, for it may have
// arrived; and those that it should have been told of before they ended, had
// this program been running, unless they were muted when they ended.
//
// One that takes no such notices counts as told when the time for it came: an
// alert that ends and fires again before that is no new group.
func (st *standing) gatherEnded(in integration, now time.Time, only *standIn) {
	told, toldEnd, tried := newIDs(st.notices.Firing), newIDs(st.notices.Resolved), newIDs(st.notices.Tried)
	for _, m := range st.bucket.resolved {
		id := m.alert.ID
		switch {
		case toldEnd.has(id):
		case !in.sendResolved:
			st.open = st.open || told.has(id) && now.Before(st.dueAt(m.alert.ResolvedAt, true))
		case told.has(id):
			st.open = true
			st.ended = append(st.ended, m)
		case tried.has(id) || only == nil && st.bucket.missed(m) || only != nil && only.alerts[m]:
			st.ended = append(st.ended, m)
		}
	}
}

// missed reports whether an alert that ended should have been told of while it
// fired.
func (b *bucket) missed(m *member) bool {
	a := m.alert
	return !a.FiredAt.IsZero() && !a.FiredAt.Add(b.node.groupWait).After(a.ResolvedAt) && !b.mutedAt(m, a.ResolvedAt)
}

// mutedAt reports whether an alert of the group was muted at a moment.
func (b *bucket) mutedAt(m *member, at time.Time) bool {
	return m.silencedAt(at) || b.node.muted(at) || m.inhibitorAt(at) != nil
}

// dueAt returns when a change is due: group_wait after it happened; in an open
// group not before group_interval after the last notice.
func (st *standing) dueAt(change time.Time, open bool) time.Time {
	at := change.Add(st.bucket.node.groupWait)
	if next := st.notices.SentAt.Add(st.bucket.node.groupInterval); open && next.After(at) {
		return next
	}
	return at
}

// firstChange returns when the oldest of what is to be told happened.
func (st *standing) firstChange() time.Time {
	var first time.Time
	for _, m := range st.news {
		first = earliest(first, m.alert.FiredAt)
	}
	told := newIDs(st.notices.Firing)
	for _, m := range st.ended {
		if told.has(m.alert.ID) {
			first = earliest(first, m.alert.ResolvedAt)
		} else {
			first = earliest(first, m.alert.FiredAt)
		}
	}
	return first
}

// decide says whether a notice is due, and why.
func (st *standing) decide(now time.Time, muted Reason) {
	var at time.Time
	var waits Reason
	if len(st.news)+len(st.ended) > 0 {
		change := st.firstChange()
		at, waits = st.dueAt(change, st.open), GroupWait
		if at.After(change.Add(st.bucket.node.groupWait)) {
			waits = GroupInterval
		}
	}
	if len(st.firing) > 0 && !st.notices.SentAt.IsZero() && !st.standIn {
		if repeat := st.notices.SentAt.Add(st.bucket.node.repeatInterval); at.IsZero() || repeat.Before(at) {
			at, waits = repeat, NothingNew
		}
	}
	if waits == "" || waits == NothingNew {
		waits = NothingNew
		if muted != "" {
			waits = muted
		}
	}
	switch {
	case at.IsZero() || at.After(now):
		st.reason, st.at = waits, at
	case st.bucket.node.muted(now):
		st.reason, st.at = MutedByInterval, st.bucket.node.nextEdge(now)
	case st.notices.NextAttempt.After(now):
		st.reason, st.at, st.owed = Backoff, st.notices.NextAttempt, true
	default:
		st.reason, st.due, st.owed = st.why(), true, true
	}
}

// why says why a notice is due.
func (st *standing) why() Reason {
	switch {
	case len(st.news) == 0 && len(st.ended) == 0:
		return Repeat
	case len(st.news) == 0:
		return ResolvedAlerts
	}
	mutedThen := func(m *member) bool { return st.bucket.mutedAt(m, st.dueAt(m.alert.FiredAt, st.open)) }
	for _, m := range st.news {
		if !mutedThen(m) {
			return NewAlerts
		}
	}
	return Unmuted
}

// ids is a set of IDs.
type ids []alert.ID

// newIDs makes a set of a list, which is sorted in all states that came from
// events.
func newIDs(list []alert.ID) ids {
	if !slices.IsSorted(list) {
		list = slices.Sorted(slices.Values(list))
	}
	return list
}

func (i ids) has(id alert.ID) bool {
	_, found := slices.BinarySearch(i, id)
	return found
}
