package ruletest_test

import (
	"bytes"
	"errors"
	"testing"

	"weir/pkg/golden"
	"weir/services/alerter/internal/ruletest"
)

func TestFilesWhoseTestsSucceed(t *testing.T) {
	for _, name := range []string{"example", "datamgmt", "everything", "defaults", "rollout"} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if ok, err := ruletest.Run([]string{"testdata/" + name + ".test.yml"}, &out); err != nil || !ok {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

func TestWhatIsPrinted(t *testing.T) {
	var out bytes.Buffer
	ok, err := ruletest.Run([]string{
		"testdata/example.test.yml", "testdata/everything.test.yml", "testdata/failing.test.yml", "testdata/unknown.test.yml", "testdata/broken.test.yml", "testdata/duplicates.test.yml", "testdata/none.test.yml",
	}, &out)
	if err != nil || ok {
		t.Errorf("%v, %v", ok, err)
	}
	golden.Check(t, "run.golden", out.String())
}

func TestCheck(t *testing.T) {
	var out bytes.Buffer
	if err := ruletest.Check([]string{"testdata/datamgmt.yml", "../rule/testdata"}, &out); err != nil {
		t.Error(err)
	}
	if err := ruletest.Check([]string{"testdata/broken.yml", "testdata/none.yml", "testdata/alerts.yml"}, &out); !errors.Is(err, ruletest.ErrFaults) {
		t.Error(err)
	}
	golden.Check(t, "check.golden", out.String())
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestAWriterThatFails(t *testing.T) {
	if _, err := ruletest.Run([]string{"testdata/example.test.yml"}, full{}); err == nil {
		t.Error("Run says nothing of it")
	}
	if err := ruletest.Check([]string{"testdata/alerts.yml"}, full{}); err == nil || errors.Is(err, ruletest.ErrFaults) {
		t.Errorf("Check says %v", err)
	}
}
