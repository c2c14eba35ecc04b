package seriesname

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Separator stands in a raw name between its parts, which an underscore joins in
// the name that is made of it: the names on the way to a value in JSON.
const Separator = "\x00"

// Made is a name, and the raw name that it was made of.
type Made struct{ Name, Raw string }

// Settle gives names of their own to values that got one name and are called
// differently, so that none of them hides another. One that is called so as it
// stands keeps the name, else the first by raw name; each other gets its raw name
// as it is: with dots between its parts, or a number behind it, where that is
// taken too. What has the same raw name keeps the same name. It depends on the
// names alone, not on their order.
func Settle(all []Made) {
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(i, k int) int { return all[i].compare(all[k]) })
	var others []int
	owner := Made{}
	for at, i := range order {
		switch m := all[i]; {
		case at == 0 || m.Name != owner.Name:
			owner = m
		case m.Raw != owner.Raw:
			others = append(others, i)
		}
	}
	if len(others) > 0 {
		rename(all, others)
	}
}

// rename gives others than the owners of their names new ones: those without parts
// first, which are called so.
func rename(all []Made, others []int) {
	n := names{taken: make(map[string]bool, len(all)), numbers: map[string]int{}}
	for _, m := range all {
		n.taken[m.Name] = true
	}
	slices.SortFunc(others, func(i, k int) int {
		return cmp.Or(strings.Count(all[i].Raw, Separator)-strings.Count(all[k].Raw, Separator), strings.Compare(all[i].Raw, all[k].Raw))
	})
	for at, i := range others {
		if at > 0 && all[i].Raw == all[others[at-1]].Raw {
			all[i].Name = all[others[at-1]].Name
			continue
		}
		all[i].Name = n.free(all[i].Raw)
	}
}

// compare puts those of one name together, the one that is to keep it first.
func (m Made) compare(o Made) int {
	plain := func(m Made) int {
		switch {
		case m.Raw == m.Name:
			return 0
		case strings.ReplaceAll(m.Raw, Separator, "_") == m.Name:
			return 1
		}
		return 2
	}
	return cmp.Or(strings.Compare(m.Name, o.Name), cmp.Compare(plain(m), plain(o)), strings.Compare(m.Raw, o.Raw))
}

// maxRaw is how many bytes of a raw name are kept.
const maxRaw = 256

// names are those that are taken.
type names struct {
	taken   map[string]bool
	numbers map[string]int // the last number behind a name: those before it are taken
}

// free returns what a raw name is shown as, and takes that.
func (n *names) free(raw string) string {
	name := shown(raw, "_")
	if n.taken[name] {
		name = shown(raw, ".")
	}
	for dotted, number := name, max(n.numbers[name], 1); n.taken[name]; n.numbers[dotted] = number {
		number++
		name = dotted + "#" + strconv.Itoa(number)
	}
	n.taken[name] = true
	return name
}

func shown(raw, separator string) string {
	text := strings.ToValidUTF8(strings.ReplaceAll(raw, Separator, separator), "\uFFFD")
	if len(text) <= maxRaw {
		return text
	}
	end := maxRaw
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}
