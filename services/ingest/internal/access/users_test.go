package access

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

func hash(t *testing.T, password string) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

func load(t *testing.T, content string) (*Users, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "users.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(path)
}

func TestOnlyTheRightKeyOpens(t *testing.T) {
	u, err := load(t, "users:\n- {username: p1, password: '"+hash(t, "key")+"', publish: [d/c]}\n")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time from memory
		if !u.Authenticate("p1", []byte("key")) {
			t.Error("the right key is refused")
		}
		for _, wrong := range []struct{ name, key string }{{"p1", "Key"}, {"p1", ""}, {"p2", "key"}, {"", ""}} {
			if u.Authenticate(wrong.name, []byte(wrong.key)) {
				t.Errorf("%q with key %q is let in", wrong.name, wrong.key)
			}
		}
	}
}

func TestTenantsBoundWhereAUserPublishesAndSubscribes(t *testing.T) {
	h := hash(t, "k")
	u, err := load(t, "users:\n"+
		"- {username: one, password: '"+h+"', publish: [d/c], subscribe: [d/c]}\n"+
		"- {username: service, password: '"+h+"', publish: ['d/*'], subscribe: ['d/*']}\n"+
		"- {username: all, password: '"+h+"', publish: ['*'], subscribe: ['*']}\n"+
		"- {username: none, password: '"+h+"'}\n")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, topic string
		may         string // who may, of "one service all"
	}{
		{"a topic of the tenant", "m/d/c/c/control/proplet/alive", "one service all"},
		{"a SPORE topic of the tenant", "spore/d/c/node/resources", "one service all"},
		{"a DataMgmt topic of the tenant", "datamgmt/d/c/node/health", "one service all"},
		{"another subservice", "m/d/c/other/control/proplet/alive", "service all"},
		{"another service", "m/e/c/c/control/proplet/alive", "all"},
		{"a topic of no tenant", "home/kitchen", "all"},
		{"everything", "#", "all"},
		{"all of the tenant", "m/d/c/c/#", "one service all"},
		{"all subservices", "m/d/c/+/#", "service all"},
		{"all subservices, cut short", "m/d/#", "service all"},
		{"all services", "m/+/c/c/#", "all"},
		{"a shared subscription within the tenant", "$share/g/m/d/c/c/#", "one service all"},
		{"a shared subscription beyond the tenant", "$share/g/m/+/c/c/#", "all"},
		{"a wildcard that could match our level", "+/d/c/c/#", "all"},
		{"all nodes of a SPORE subservice", "spore/d/c/+/resources", "one service all"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"one", "service", "all", "none", "unknown"} {
				want := strings.Contains(" "+tt.may+" ", " "+name+" ")
				if got := u.MaySubscribe(name, tt.topic); got != want {
					t.Errorf("%s may subscribe to %s: %v", name, tt.topic, got)
				}
				if got := u.MayPublish(name, tt.topic); got != want {
					t.Errorf("%s may publish on %s: %v", name, tt.topic, got)
				}
			}
		})
	}
}

func TestAllFaultsOfAUsersFileAreReportedAtOnce(t *testing.T) {
	_, err := load(t, "users:\n- {username: a, password: plain, publish: [bad]}\n- {username: a, password: '"+hash(t, "k")+"'}\n- {password: x}\n")
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`user 1 ("a"): password is not a bcrypt hash`, `user 1 ("a"): tenant "bad"`, `user 2 ("a"): the username is there twice`, `user 3 (""): username is missing`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in %v", want, err)
		}
	}
	for name, content := range map[string]string{"an unknown key": "users:\n- {username: a, pasword: b}\n", "no users": "", "no YAML": "\t{"} {
		if _, err := load(t, content); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
