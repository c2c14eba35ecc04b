package pushtopic_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
	"weir/pkg/schema/pushtopic"
)

var line1 = []schema.Tenant{{Service: "factory", Subservice: "line1"}}

// topics are topics of each kind, as they stand in events.
var topics = []struct {
	name  string
	topic pushtopic.Topic
	text  string
}{
	{"a notification for the root path", pushtopic.Topic{Kind: pushtopic.Notice, Tenants: []schema.Tenant{{Service: "unknownt", Subservice: schema.RootSubservice}}}, "/notices?path=%2F&service=unknownt"},
	{"a notification for several paths", pushtopic.Topic{Kind: pushtopic.Notice, Tenants: []schema.Tenant{{Service: "s", Subservice: "a"}, {Service: "s", Subservice: schema.RootSubservice}, {Service: "s", Subservice: "b/c"}}}, "/notices?path=%2Fa%2C%2F%2C%2Fb%2Fc&service=s"},
	{"a pushed group of a job alone", pushtopic.Topic{Kind: pushtopic.Push, Tenants: line1, Method: "PUT", Group: []schema.Label{{Name: "job", Value: "backup"}}}, "/metrics/job/backup?method=PUT&service=factory&subservice=line1"},
	{"a pushed group with labels, one of them with a slash", pushtopic.Topic{Kind: pushtopic.Push, Tenants: line1, Method: "POST", Format: pushtopic.FormatProtobuf,
		Group: []schema.Label{{Name: "device", Value: "/dev/sda"}, {Name: "instance", Value: "db 1"}, {Name: "job", Value: "backup"}}}, "/metrics/job/backup/device@base64/L2Rldi9zZGE/instance/db%201?format=protobuf&method=POST&service=factory&subservice=line1"},
	{"a remote write", pushtopic.Topic{Kind: pushtopic.RemoteWrite, Tenants: line1, Version: 2}, "/api/v1/write?service=factory&subservice=line1&version=2"},
	{"lines with times in milliseconds", pushtopic.Topic{Kind: pushtopic.Influx, Tenants: line1, Precision: "ms"}, "/write?precision=ms&service=factory&subservice=line1"},
}

func TestTopicsAreReadAsTheyWereWritten(t *testing.T) {
	for _, c := range topics {
		t.Run(c.name, func(t *testing.T) {
			if got := c.topic.String(); got != c.text {
				t.Errorf("written %s, want %s", got, c.text)
			}
			got, err := pushtopic.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.topic, got); diff != "" || !pushtopic.Is(c.text) {
				t.Errorf("read (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTopicsThatAreNone(t *testing.T) {
	for _, c := range []struct{ topic, want string }{
		{"/other?service=s", "nothing that is pushed"},
		{"/notices/x?service=s", "nothing that is pushed"},
		{"/notices?service=s-1&path=%2F", "service/subservice: invalid character '-'"},
		{"/notices?service=s&path=a", "is not absolute"},
		{"/notices?service=s&path=%2F&x=1", "x is not a parameter of /notices"},
		{"/notices?service=s&service=t&path=%2F", "service stands there twice"},
		{"/notices?%zz", "cannot be read"},
		{"/write?service=s", `subservice is ""`},
		{"/write?service=s&subservice=a%2F%2Fb", `subservice is "a//b"`},
		{"/write?service=s&subservice=a&precision=y", `precision is "y"`},
		{"/api/v1/write?service=s&subservice=a&version=3", `version is "3": expected 1, 2`},
		{"/metrics/job/a?service=s&subservice=a&method=GET", `method is "GET"`},
		{"/metrics/job?service=s&subservice=a&method=PUT", "odd number of components"},
	} {
		if _, err := pushtopic.Parse(c.topic); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.topic, err, c.want)
		}
	}
}

// The rows are those of the Pushgateway's own documentation and client.
func TestParseGroup(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/metrics/job/some_job", "job=some_job"},
		{"/metrics/job/some_job/instance/some_instance", "instance=some_instance job=some_job"},
		{"/metrics/job/titan/name@base64/zqDPgc6_zrzOt864zrXPjc-C", "job=titan name=Προμηθεύς"},
		{"/metrics/job/titan/name/%CE%A0%CF%81%CE%BF%CE%BC%CE%B7%CE%B8%CE%B5%CF%8D%CF%82", "job=titan name=Προμηθεύς"},
		{"/metrics/job@base64/YS9i/x/y", "job=a/b x=y"},
		{"/metrics/job@base64/YQ==", "job=a"},
		{"/metrics/job@base64/YQ", "job=a"},
		{"/metrics/job/directory_cleaner/path@base64/L3Zhci90bXA", "job=directory_cleaner path=/var/tmp"},
		{"/metrics/job/a/path/%2Fvar%2Ftmp", "job=a path=/var/tmp"},
		{"/metrics/job/example/first_label/foo/second_label@base64/=", "first_label=foo job=example"},
		{"/metrics/job/a/x/1/x/2/job/b", "job=a x=2"},
		{"/metrics/job/a/", "job=a"},
	} {
		labels, err := pushtopic.ParseGroup(c.path)
		got := ""
		for _, l := range labels {
			got = strings.TrimSpace(got + " " + l.Name + "=" + l.Value)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: %s, %v, want %s", c.path, got, err, c.want)
		}
	}
}

func TestGroupsThatAreNone(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"/metrics/", "odd number of components"},
		{"/metrics/job", "odd number of components"},
		{"/metrics/job/", "job name is required"},
		{"/metrics/job@base64/=", "job name is required"},
		{"/metrics/job/a/instance", `odd number of components in label string "job/a/instance"`},
		{"/metrics/job/a/b-c/d", `improper label name "b-c"`},
		{"/metrics/job/a/__x/d", `improper label name "__x"`},
		{"/metrics/job/a//d", `improper label name ""`},
		{"/metrics/instance/a", `begins with the label "instance"`},
		{"/metrics/job@base64/%25", "invalid base64 encoding in label job@base64"},
		{"/metrics/job/%zz", "the value of the label job"},
		{"/metrics/job/%ff", "expected UTF-8"},
		{"/metrics/job/a%0a", "without control characters"},
		{"/metrics/job/" + strings.Repeat("a", 257), "expected at most 256"},
		{"/metrics/job/a" + strings.Repeat("/x1/y", 1) + manyLabels(40), "expected at most 32"},
		{"/other/job/a", "not below"},
	} {
		if labels, err := pushtopic.ParseGroup(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v, want %s", c.path, labels, err, c.want)
		}
	}
}

func manyLabels(n int) string {
	path := ""
	for i := range n {
		path += "/l" + strings.Repeat("x", i) + "/1"
	}
	return path
}

func TestGroupsAreNamed(t *testing.T) {
	for path, want := range map[string]string{
		"/metrics/job/backup":                     "backup",
		"/metrics/job/backup/zone/a/instance/db1": "backup/instance/db1/zone/a",
		"/metrics/job@base64/YS9i/path/%2Fvar%25": "a%2Fb/path/%2Fvar%25",
	} {
		labels, err := pushtopic.ParseGroup(path)
		topic := pushtopic.Topic{Group: labels}
		if got := topic.GroupName(); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestFiwareTenants(t *testing.T) {
	long := strings.Repeat("a", 51)
	for _, c := range []struct{ name, service, path, want string }{
		{"no headers at all", "", "", "unknownt/root-subserv"},
		{"a service in capitals counts in lower case", "Factory", "/Line1", "factory/Line1"},
		{"a path with levels", "s", "/gardens/north", "s/gardens/north"},
		{"several paths", "s", "/a, /b,/", "s/a s/b s/root-subserv"},
		{"nine levels", "s", "/1/2/3/4/5/6/7/8/9", "s/1/2/3/4/5/6/7/8/9"},
		{"ten levels", "s", "/1/2/3/4/5/6/7/8/9/10", "service/subservice: '/1/2/3/4/5/6/7/8/9/10' has more than 9 levels"},
		{"a dash", "a-b", "/", "service/subservice: invalid character '-'"},
		{"a dash in a path", "s", "/a-b", "service/subservice: invalid character '-'"},
		{"a path that is not absolute", "s", "a", "service/subservice: 'a' is not absolute"},
		{"an empty level", "s", "/a//b", "service/subservice: empty name"},
		{"an empty path among others", "s", "/a,", "service/subservice: '' is not absolute"},
		{"a long service", long, "/", "service/subservice: '" + long + "' is longer than 50 characters"},
		{"a long level", "s", "/" + long, "service/subservice: '" + long + "' is longer than 50 characters"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tenants, err := pushtopic.FiwareTenants(c.service, c.path)
			var got []string
			for _, tenant := range tenants {
				got = append(got, tenant.String())
			}
			if text := strings.Join(got, " "); text != c.want && (err == nil || err.Error() != c.want) {
				t.Errorf("%s, %v", text, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range topics {
		f.Add(c.text)
	}
	f.Add("/metrics/job@base64/=/x/%2f?method=DELETE&service=s&subservice=a%2Fb")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := pushtopic.Parse(text)
		if err != nil {
			return
		}
		again, err := pushtopic.Parse(first.String())
		if err != nil {
			t.Fatalf("%q becomes %q: %v", text, first.String(), err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("%q (-first +again):\n%s", text, diff)
		}
	})
}

func FuzzParseGroup(f *testing.F) {
	f.Add("/metrics/job/a/path@base64/L3Zhci90bXA")
	f.Add("/metrics/job@base64/YS9i//x/%2f%25")
	f.Fuzz(func(t *testing.T, path string) {
		labels, err := pushtopic.ParseGroup(path)
		if err != nil {
			return
		}
		topic := pushtopic.Topic{Kind: pushtopic.Push, Tenants: line1, Method: "PUT", Group: labels}
		again, err := pushtopic.Parse(topic.String())
		if err != nil {
			t.Fatalf("%q becomes %q: %v", path, topic.String(), err)
		}
		if diff := cmp.Diff(topic, again); diff != "" || len(topic.GroupName()) > pushtopic.MaxGroupName {
			t.Errorf("%q (-first +again):\n%s", path, diff)
		}
	})
}
