package route

import (
	"strings"
	"testing"

	"weir/services/alerter/internal/amconfig"
)

func TestTree(t *testing.T) {
	const tree = `
route:
  receiver: root
  group_by: [alertname]
  routes:
    - {receiver: db, matchers: ['team="db"'], routes: [{receiver: db-page, matchers: ['severity="page"']}]}
    - {receiver: all-pages, match: {severity: page}, continue: true, group_by: [zone, alertname]}
    - {receiver: web, match_re: {team: 'web|front.*'}, group_by: ['...']}
    - {receiver: absent, matchers: ['team=""', zone!~"a|b", severity!=page], group_by: []}
    - matchers: ['"übung"="ja"']
receivers: [{name: root}, {name: db}, {name: db-page}, {name: all-pages}, {name: web}, {name: absent}]
`
	c, err := amconfig.Parse([]byte(tree), "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := New(c, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct{ name, labels, receivers, id, group string }{
		{"every alert enters the tree at the root, and stays there if no child matches", "X team=x zone=a",
			"root", `{}`, `{}:{alertname="X"}`},
		{"it goes to the first child that matches", "X team=db zone=a",
			"db", `{}/{team="db"}/0`, `{}/{team="db"}:{alertname="X"}`},
		{"it goes as deep as possible, and without continue not to the siblings behind", "X team=db severity=page",
			"db-page", `{}/{team="db"}/0/{severity="page"}/0`, `{}/{team="db"}/{severity="page"}:{alertname="X"}`},
		{"continue: it goes to the siblings behind as well", "X team=frontend severity=page zone=a",
			"all-pages web", `{}/{severity="page"}/1`, `{}/{severity="page"}:{alertname="X", zone="a"}`},
		{"continue: not back to the parent if no sibling matches", "X team=y severity=page",
			"all-pages", `{}/{severity="page"}/1`, `{}/{severity="page"}:{alertname="X"}`},
		{"group_by '...' groups by all labels, which is no grouping at all", "X team=web b=1",
			"web", `{}/{team=~"web|front.*"}/2`, `{}/{team=~"web|front.*"}:{alertname="X", b="1", team="web"}`},
		{"match_re is anchored", "X team=webb zone=a", "root", `{}`, `{}:{alertname="X"}`},
		{"a label that is missing is an empty one; group_by [] is one group for all", "X zone=c",
			"absent", `{}/{severity!="page",team="",zone!~"a|b"}/3`, `{}/{severity!="page",team="",zone!~"a|b"}:{}`},
		{"a matcher may be of any UTF-8 name; a route inherits its parent's receiver", "X übung=ja team=z",
			"root", `{}/{übung="ja"}/4`, `{}/{übung="ja"}:{alertname="X"}`},
	} {
		t.Run(row.name, func(t *testing.T) {
			labels := set(row.labels)
			if got := strings.Join(r.Receivers(labels), " "); got != row.receivers {
				t.Errorf("receivers %q, expected %q", got, row.receivers)
			}
			n := r.root.match(labels, nil)[0]
			if n.id != row.id {
				t.Errorf("id %s, expected %s", n.id, row.id)
			}
			if got := n.key + ":" + n.groupLabels(labels).String(); got != row.group {
				t.Errorf("group %s, expected %s", got, row.group)
			}
		})
	}
}

func TestNewRefusesAFallbackReceiverThatIsNone(t *testing.T) {
	if _, err := New(amconfig.Default(), Options{FallbackReceiver: "nobody"}); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("error %v", err)
	}
}

func TestDefaultTellsNobody(t *testing.T) {
	w := newWorld(t, simple, Options{})
	var err error
	if w.router, err = New(amconfig.Default(), Options{}); err != nil {
		t.Fatal(err)
	}
	w.fire("X")
	w.at(3600 * sec).due()
	if groups := w.router.Groups(w.state, w.now); len(groups) != 1 || groups[0].Receiver != amconfig.DefaultReceiver {
		t.Errorf("groups %+v", groups)
	}
}
