package store

import (
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"weir/services/aggregator/internal/foldtest"

	"weir/pkg/schema"
)

func TestPagesOfDeadLettersAreThoseOfAPlainList(t *testing.T) {
	rng := foldtest.Rand(foldtest.Seed(t))
	s := open1(t, vfs.NewMem())
	defer s.Close()
	state := load1(t, s)
	var all []schema.DeadLetter // newest first
	for i, f := range foldtest.Frames(rng, foldtest.NewGenerator(rng).Items(4000), 30) {
		state.Apply(uint64(i+1), f)
	}
	for _, letter := range state.PendingDeadLetters() {
		all = append([]schema.DeadLetter{letter.DeadLetter}, all...)
	}
	commit1(t, s, state)
	view := s.DeadLetters()
	defer view.Close()

	groups := []Group{}
	state.Tenants(func(tn *schema.TenantState) {
		for reason, n := range tn.Rejected {
			if n > 0 {
				groups = append(groups, Group{tn.Tenant, schema.Reason(reason)})
			}
		}
	})
	for range 300 {
		chosen := []Group(nil)
		if rng.IntN(4) > 0 {
			chosen = []Group{{Reason: schema.ReasonNotJSON}} // of which there are none
			for _, g := range groups {
				if rng.IntN(3) == 0 {
					chosen = append(chosen, g)
				}
			}
		}
		last := rng.Uint64N(uint64(len(all)) + 1)
		skip, limit := rng.Uint64N(uint64(len(all))), rng.Uint64N(20)
		want := plainPage(all, chosen, last, skip, limit)
		got, err := view.Page(chosen, last, skip, limit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("groups %v, last %d, skip %d, limit %d (-want +got):\n%s", chosen, last, skip, limit, diff)
		}
	}
}

func plainPage(newestFirst []schema.DeadLetter, groups []Group, last, skip, limit uint64) (page []schema.DeadLetter) {
	for _, letter := range newestFirst {
		chosen := groups == nil
		for _, g := range groups {
			chosen = chosen || g == Group{letter.Tenant, letter.Reason}
		}
		switch {
		case !chosen || letter.Seq > last:
		case skip > 0:
			skip--
		case uint64(len(page)) < limit:
			page = append(page, letter)
		}
	}
	return page
}

func TestADeadLetterIsFoundByItsNumber(t *testing.T) {
	s := open1(t, filled(t))
	defer s.Close()
	load1(t, s)
	view := s.DeadLetters()
	defer view.Close()
	letter, found, err := view.Get(2)
	if err != nil || !found || letter.Seq != 2 || len(letter.Event.Topic) == 0 {
		t.Errorf("got %+v, %t, %v", letter, found, err)
	}
	if _, found, err := view.Get(1 << 40); found || err != nil {
		t.Errorf("a number that is not there: %t, %v", found, err)
	}
}
