package ngsi

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, body string
		paths      int
		want       Notice
	}{
		{
			"a notification as Orion sends it",
			`{"subscriptionId":"65a0","data":[{"id":"sensor:7","type":"Room","temperature":{"type":"Number","value":31.5,"metadata":{"unit":{"type":"Text","value":"C"}}},"open":{"type":"Boolean","value":true},"name":{"type":"Text","value":"lab"},"TimeInstant":{"type":"DateTime","value":"2026-01-02T03:04:05.250Z"}}]}`, 1,
			Notice{"65a0", []Entity{{
				ID: "sensor:7", Type: "Room", Time: 1767323045250000000,
				Numbers: []Number{{"open", 1, ""}, {"temperature", 31.5, "C"}},
				Texts:   []schema.Label{{Name: "TimeInstant", Value: "2026-01-02T03:04:05.250Z"}, {Name: "name", Value: "lab"}},
			}}},
		},
		{
			"values that stand alone (keyValues)",
			`{"data":[{"id":"a","type":"T","t":1,"on":false,"s":"x","o":{"lat":1}}]}`, 1,
			Notice{"", []Entity{{ID: "a", Type: "T", Numbers: []Number{{"on", 0, ""}, {"t", 1, ""}},
				Texts: []schema.Label{{Name: "o", Value: `{"lat":1}`}, {Name: "s", Value: "x"}}}}},
		},
		{
			"numbers that a device's agent sent as texts",
			`{"data":[{"id":"a","type":"T","t":{"type":"Number","value":" 31.5 "},"b":{"type":"Boolean","value":"True"},"s":{"type":"Text","value":"31.5"},"n":{"type":"Number","value":"NaN"}}]}`, 1,
			Notice{"", []Entity{{ID: "a", Type: "T", Numbers: []Number{{"b", 1, ""}, {"t", 31.5, ""}},
				Texts: []schema.Label{{Name: "n", Value: "NaN"}, {Name: "s", Value: "31.5"}}}}},
		},
		{
			"names that are made valid, a value that was not measured",
			`{"data":[{"id":"a","type":"T","air.temp":{"value":1},"2nd":{"value":2},"a b":{"value":3},"gone":{"value":null,"type":"Number"}}]}`, 1,
			Notice{"", []Entity{{ID: "a", Type: "T", Numbers: []Number{{"_2nd", 2, ""}, {"a_b", 3, ""}, {"air__temp", 1, ""}}}}},
		},
		{
			"names of any script, and such as would become the same",
			`{"data":[{"id":"a","温度":1,"湿度":2,"temp-1":3,"temp_1":4,"x.y":5,"x__y":6,"temp-1":7}]}`, 1,
			Notice{"", []Entity{{ID: "a", Numbers: []Number{{"temp-1", 7, ""}, {"temp_1", 4, ""}, {"x.y", 5, ""}, {"x__y", 6, ""}, {"温度", 1, ""}, {"湿度", 2, ""}}}}},
		},
		{
			"two entities for one path, and for two",
			`{"data":[{"id":"a","type":"T"},{"id":"b","type":"T"}]}`, 2,
			Notice{"", []Entity{{ID: "a", Type: "T"}, {ID: "b", Type: "T"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := Parse([]byte(c.body), c.paths)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, n); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsAnsweredToBadNotifications(t *testing.T) {
	for _, c := range []struct {
		name, body string
		paths      int
		want       Error
	}{
		{"nothing in it", `{}`, 1, Error{400, []string{"ContextResponses is not an array (undefined)"}, false}},
		{"data that is an object", `{"data":{}}`, 1, Error{400, []string{"invalid NGSIv2 notice format data must be an array, not a object"}, false}},
		{"data that is a text", `{"data":"x"}`, 1, Error{400, []string{"invalid NGSIv2 notice format data must be an array, not a string"}, false}},
		{"two paths for one entity", `{"data":[{"id":"a"}]}`, 2, Error{400, []string{"Number of servicepath items does not match ContextResponses(2,1)"}, false}},
		{"no entity", `{"data":[]}`, 1, Error{400, []string{"Number of servicepath items does not match ContextResponses(1,0)"}, false}},
		{"an attribute that is null", `{"data":[{"id":"a","type":"T","t":null}]}`, 1, Error{400, []string{`data[0] has the attribute "t", which is null`}, true}},
		{"several faults", `{"data":[{"type":"T"},7]}`, 1, Error{400, []string{"data[0] has no id", "data[1] is a number: expected an entity"}, true}},
		{"NGSIv1", `{"contextResponses":[]}`, 1, Error{400, []string{"NGSIv1 notifications (contextResponses) are not understood: subscribe with NGSIv2"}, true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.body), c.paths)
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("got %v", err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, body := range []string{`{"data":`, "{\"data\":[{\"id\":\"a\",\"t\x01\":1}]}", "{\"data\":[{\"id\":\"a\nb\"}]}"} {
		_, err := Parse([]byte(body), 1)
		var got *Error
		if !errors.As(err, &got) || got.Code != 500 || got.List || got.Error() == "" {
			t.Errorf("broken JSON, %q: %+v", body, err)
		}
	}
}

func TestLongTextsAreCutAtACharacter(t *testing.T) {
	n, err := Parse([]byte(`{"data":[{"id":"a","type":"T","s":{"value":"`+strings.Repeat("é", MaxText)+`"}}]}`), 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Entities[0].Texts[0].Value; got != strings.Repeat("é", MaxText/2) {
		t.Errorf("%d bytes", len(got))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"data":[{"id":"a","type":"T","t":{"type":"Number","value":"1e5","metadata":{"unit":{"value":"C"}}}}]}`), 1)
	f.Add([]byte(`{"data":[{"id":"a","air.temp":1},{"id":"b","x":null}]}`), 2)
	f.Fuzz(func(t *testing.T, body []byte, paths int) {
		n, err := Parse(body, paths)
		if err != nil {
			return
		}
		for _, e := range n.Entities {
			if e.ID == "" {
				t.Fatalf("%+v", e)
			}
			for i, v := range e.Numbers {
				if v.Name == "" || i > 0 && v.Name <= e.Numbers[i-1].Name {
					t.Fatalf("%+v", e)
				}
			}
		}
	})
}
