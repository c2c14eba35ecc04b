package aggregator

import (
	"fmt"
	"log/slog"
	"sync"

	"weir/services/aggregator/internal/fold"

	"weir/pkg/schema"
)

// nearLimit is the share of a limit from which on a tenant is near it.
const nearLimit = 0.8

// limitUse is how much of one limit a tenant uses, or, of the names, the journal.
type limitUse struct {
	tenant    schema.Tenant
	all       bool // of all tenants
	what      string
	use, most uint64
}

// nearLimits lists the limits that tenants are near, in order.
func nearLimits(s *fold.State) []limitUse {
	var near []limitUse
	s.Usage(func(u fold.Usage) {
		for _, l := range []limitUse{
			{u.Tenant, false, "series", u.Series, u.SeriesLimit},
			{u.Tenant, false, "sources", u.Sources, u.SourceLimit},
			{u.Tenant, false, "names of values", u.Names, u.NameLimit},
		} {
			if l.most > 0 && float64(l.use) >= nearLimit*float64(l.most) {
				near = append(near, l)
			}
		}
	})
	if count, most := s.NameCount(); float64(count) >= nearLimit*float64(most) {
		near = append(near, limitUse{schema.Tenant{}, true, "names of values", count, most})
	}
	return near
}

// String says it in a sentence.
func (l limitUse) String() string {
	if l.all {
		return fmt.Sprintf("the journal has %d %s of at most %d", l.use, l.what, l.most)
	}
	return fmt.Sprintf("tenant %s has %d %s of at most %d", l.tenant, l.use, l.what, l.most)
}

// limitWatch warns once each time that a tenant comes near a limit.
type limitWatch struct {
	logger *slog.Logger

	mu     sync.Mutex
	warned map[limitKey]bool
}

type limitKey struct {
	tenant schema.Tenant
	what   string
}

// look compares the tenants with their limits. One that has gone back below is
// warned of again when it comes near again.
func (w *limitWatch) look(near []limitUse) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := w.warned
	w.warned = make(map[limitKey]bool, len(near))
	for _, l := range near {
		key := limitKey{l.tenant, l.what}
		w.warned[key] = true
		if !before[key] {
			who := "tenant " + l.tenant.String()
			if l.all {
				who = "journal"
			}
			w.logger.Warn("near a limit; beyond it, events that add more are rejected",
				"of", who, "what", l.what, "use", l.use, "limit", l.most)
		}
	}
}
