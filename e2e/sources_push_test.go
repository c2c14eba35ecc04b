package e2e

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// The commands of the README by which something is pushed, with what is then there.
var readmePushes = []struct{ name, command, series, want string }{
	{"a notification", `curl -s "$INTAKE/notices" -H 'Content-Type: application/json' \
  -H 'Fiware-Service: factory' -H 'Fiware-ServicePath: /line1' \
  -d '{"subscriptionId":"65a0","data":[{"id":"room-7","type":"Room","temperature":{"type":"Number","value":21.5}}]}'`,
		`temperature{device="room-7",service="factory",subservice="line1"}`, "21.5"},
	{"a Pushgateway's group", `echo 'backup_files 42' | curl -s --data-binary @- \
  "$INTAKE/metrics/job/backup/instance/db1?service=factory&subservice=line1"`,
		`backup_files{job="backup",instance="db1",service="factory"}`, "42"},
	{"a line of InfluxDB's protocol", `curl -s "$INTAKE/write?service=factory&subservice=line1" --data-binary 'weather,host=roof temperature=3.5'`,
		`weather_temperature{service="factory",device="roof"}`, "3.5"},
}

func TestWhatTheReadmePushesWithCurl(t *testing.T) {
	p := start(t, t.TempDir())
	for _, c := range readmePushes {
		t.Run(c.name, func(t *testing.T) {
			shell := exec.Command("sh", "-ec", c.command)
			shell.Env = append(os.Environ(), "no_proxy=*", "INTAKE=http://"+p.Intake)
			if out, err := shell.CombinedOutput(); err != nil || strings.Contains(string(out), `"error":"`) {
				t.Fatalf("%v\n%s", err, out)
			}
			p.soonIs(c.series, c.want)
		})
	}
	if acc := p.settled(uint64(len(readmePushes))); acc.Sum.Rejected > 0 {
		t.Errorf("the books: %+v", acc.Sum)
	}
}

// Who pushes says who they are, in one of the ways of the clients that there are.
func TestWhoMayPush(t *testing.T) {
	users := write(t, "users.yaml", `users:
  - {username: press, password: "$2a$05$Cmv4OGZ2IB731A3UG8s5KOxi8ob6BJhC7EQ551i4vvNrEwRDE3JXG", publish: [factory/line1]}
`)
	p := start(t, t.TempDir(), "--users", users)
	const line = "weather,host=roof temperature=3.5"
	for _, c := range []struct {
		name, path, header string
		want               int
	}{
		{"nobody", "/write", "", 401},
		{"a user with a wrong key", "/write?u=press&p=key", "", 401},
		{"a user", "/write", "Authorization: Basic cHJlc3M6S0VZ", 204},
		{"a user in the manner of InfluxDB 2", "/api/v2/write", "Authorization: Token press:KEY", 204},
		{"a user in the manner of InfluxDB 1", "/write?u=press&p=KEY", "", 204},
		{"a user for another tenant", "/write?service=factory&subservice=line2", "Authorization: Basic cHJlc3M6S0VZ", 403},
		{"a user who may not publish everything, for the log's level", "/admin/log?level=DEBUG", "Authorization: Basic cHJlc3M6S0VZ", 403},
	} {
		method, headers := "POST", []string{}
		if strings.HasPrefix(c.path, "/admin") {
			method = "PUT"
		}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		if a, err := tryPush(method, p.Intake, c.path, line, headers...); err != nil || a.Status != c.want {
			t.Errorf("%s: %d %s, %v, want %d", c.name, a.Status, a.Body, err, c.want)
		}
	}
	if acc := p.settled(3); acc.Sum.Received != 3 || acc.Sum.Applied != 3 || acc.Tenants[0].Service+"/"+acc.Tenants[0].Subservice != "factory/line1" {
		t.Errorf("the books: %+v", acc)
	}
}
