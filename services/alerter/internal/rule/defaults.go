package rule

import (
	_ "embed"
	"fmt"
)

//go:embed defaults.yml
var defaults []byte

// DefaultsFile is the File of the shipped groups.
const DefaultsFile = "defaults"

// Defaults returns the shipped groups.
func Defaults() []Group {
	groups, err := Parse(DefaultsFile, defaults)
	if err != nil {
		panic(fmt.Sprintf("BUG: the shipped rules: %v", err))
	}
	return groups
}
