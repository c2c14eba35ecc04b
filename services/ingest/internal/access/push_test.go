package access

import (
	"testing"

	"weir/pkg/schema"
)

func TestTenantsBoundWhereAUserPushes(t *testing.T) {
	h := hash(t, "k")
	u, err := load(t, "users:\n"+
		"- {username: one, password: '"+h+"', publish: [d/c]}\n"+
		"- {username: deep, password: '"+h+"', publish: [d/a/b]}\n"+
		"- {username: two, password: '"+h+"', publish: [d/c, e/c]}\n"+
		"- {username: service, password: '"+h+"', publish: ['d/*']}\n"+
		"- {username: all, password: '"+h+"', publish: ['*']}\n"+
		"- {username: none, password: '"+h+"', subscribe: ['*']}\n")
	if err != nil {
		t.Fatal(err)
	}
	tenants := []schema.Tenant{{Service: "d", Subservice: "c"}, {Service: "d", Subservice: "a/b"}, {Service: "e", Subservice: "c"}, {}}
	for _, c := range []struct {
		user string
		may  [4]bool
		home string // "" for none
		all  bool
	}{
		{"one", [4]bool{true, false, false, false}, "d/c", false},
		{"deep", [4]bool{false, true, false, false}, "d/a/b", false},
		{"two", [4]bool{true, false, true, false}, "", false},
		{"service", [4]bool{true, true, false, false}, "", false},
		{"all", [4]bool{true, true, true, true}, "", true},
		{"none", [4]bool{}, "", false},
		{"nobody", [4]bool{}, "", false},
	} {
		for i, tenant := range tenants {
			if got := u.MayPublishFor(c.user, tenant); got != c.may[i] {
				t.Errorf("%s may push for %s: %v", c.user, tenant, got)
			}
		}
		home, known := u.Home(c.user)
		if known != (c.home != "") || known && home.String() != c.home || u.MayPublishAll(c.user) != c.all {
			t.Errorf("%s is at home in %s, %v; may publish everything: %v", c.user, home, known, u.MayPublishAll(c.user))
		}
	}
	for topic, may := range map[string]bool{"expo/d/c/b/metrics": true, "j/d/c/b/x": true, "expo/e/c/b/metrics": false, "j/e/c": false, "expo/+/c/b/metrics": false} {
		if got := u.MayPublish("one", topic); got != may {
			t.Errorf("one may publish on %s: %v", topic, got)
		}
	}
}
