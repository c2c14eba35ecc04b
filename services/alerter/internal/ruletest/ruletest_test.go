package ruletest_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/services/alerter/internal/ruletest"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestFilesWhoseTestsSucceed(t *testing.T) {
	for _, name := range []string{"example", "datamgmt", "everything", "defaults"} {
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
	golden(t, "run.golden", out.String())
}

func TestCheck(t *testing.T) {
	var out bytes.Buffer
	if err := ruletest.Check([]string{"testdata/datamgmt.yml", "../rule/testdata"}, &out); err != nil {
		t.Error(err)
	}
	if err := ruletest.Check([]string{"testdata/broken.yml", "testdata/none.yml", "testdata/alerts.yml"}, &out); !errors.Is(err, ruletest.ErrFaults) {
		t.Error(err)
	}
	golden(t, "check.golden", out.String())
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
