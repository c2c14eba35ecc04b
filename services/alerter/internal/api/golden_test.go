package api

import (
	"strings"
	"testing"

	"weir/pkg/golden"
)

// agrees compares an answer, with or without a newline at its end, with
// testdata/name.
func agrees(t *testing.T, name, answer string) {
	t.Helper()
	golden.JSON(t, name, strings.TrimSpace(answer)+"\n")
}
