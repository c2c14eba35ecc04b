package actions

import (
	"context"

	"weir/services/alerter/internal/alert"
)

// How many actions are under way beside each other. An action whose target never
// answers is under way for all of its Timeout: those of a rule take no more than
// a part of what its tenant has, and those of a tenant no more than a part of
// all. So a target delays its own rule, and neither other rules nor others'.
const (
	ruleWidth   = 16
	tenantWidth = 48
	allWidth    = 512

	// depth is how many are begun for each that may be under way; the others wait
	// for it. What is not begun is found again when one has ended.
	depth = 16
)

// lanes bound what is under way, and what waits for that. Whoever uses them has
// them to himself, but for a way's wait and done.
type lanes struct {
	all     *lane
	tenants map[alert.Tenant]*lane // those with anything begun, as the next
	rules   map[string]*lane
}

// lane is the bound of a rule, of a tenant or of all.
type lane struct {
	slots chan struct{} // one for each under way
	begun int           // under way, or waiting
}

func newLanes() lanes {
	return lanes{newLane(allWidth), map[alert.Tenant]*lane{}, map[string]*lane{}}
}

func newLane(width int) *lane { return &lane{slots: make(chan struct{}, width)} }

func (l *lane) full() bool { return l.begun == depth*cap(l.slots) }

// way is what one action goes through. A rule's lane comes first: while an action
// waits for that, it keeps nobody else from anything.
type way struct {
	tenant alert.Tenant
	rule   string
	lanes  [3]*lane
}

// enter begins an action of a rule, unless too many are begun.
func (l *lanes) enter(tenant alert.Tenant, rule string) (w way, ok bool) {
	ofRule, ofTenant := l.rules[rule], l.tenants[tenant]
	if ofRule == nil {
		ofRule = newLane(ruleWidth)
	}
	if ofTenant == nil {
		ofTenant = newLane(tenantWidth)
	}
	w = way{tenant, rule, [...]*lane{ofRule, ofTenant, l.all}}
	for _, one := range w.lanes {
		if one.full() {
			return way{}, false
		}
	}
	for _, one := range w.lanes {
		one.begun++
	}
	l.rules[rule], l.tenants[tenant] = ofRule, ofTenant
	return w, true
}

// leave ends what was begun.
func (l *lanes) leave(w way) {
	for _, one := range w.lanes {
		one.begun--
	}
	if w.lanes[0].begun == 0 {
		delete(l.rules, w.rule)
	}
	if w.lanes[1].begun == 0 {
		delete(l.tenants, w.tenant)
	}
}

// wait waits until the action may be under way; done must follow. It reports
// false if ctx ends before.
func (w *way) wait(ctx context.Context) bool {
	for i, one := range w.lanes {
		select {
		case one.slots <- struct{}{}:
		case <-ctx.Done():
			release(w.lanes[:i])
			return false
		}
	}
	return true
}

// done says that the action is under way no more.
func (w *way) done() { release(w.lanes[:]) }

func release(all []*lane) {
	for _, one := range all {
		<-one.slots
	}
}
