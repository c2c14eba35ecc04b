package mapping

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"weir/pkg/schema"
)

// Set is mappings in the order in which they are tried. It does not change and
// may be used by several goroutines at a time.
type Set struct {
	config   config
	mappings []*mapping
	keys     map[string]schema.Tenant
}

// config is what a set is made of.
type config struct {
	Version  int               `json:"version"`
	APIKeys  map[string]string `json:"api_keys,omitempty"` // to "service/subservice"
	Mappings []Mapping         `json:"mappings"`
}

// formatVersion is the version of what Marshal writes.
const formatVersion = 1

// Shipped returns the set of a configuration without mappings.
func Shipped() *Set {
	s, faults := newSet(config{})
	if len(faults) > 0 {
		panic(fmt.Sprintf("BUG: a shipped mapping: %+v", faults))
	}
	return s
}

// setFault is what is wrong with the key of a mapping; mapping is -1 for the API
// keys.
type setFault struct {
	mapping   int
	key, text string
}

// newSet compiles a set; the shipped mappings come last.
func newSet(c config) (*Set, []setFault) {
	c.Version = formatVersion
	if !slices.ContainsFunc(c.Mappings, func(m Mapping) bool { return m.Shipped }) {
		for _, m := range shipped {
			m.Shipped = true
			c.Mappings = append(slices.Clip(c.Mappings), m)
		}
	}
	return compileSet(c)
}

func compileSet(c config) (*Set, []setFault) {
	s := &Set{config: c, keys: map[string]schema.Tenant{}}
	var faults []setFault
	for key, tenant := range c.APIKeys {
		service, subservice, _ := strings.Cut(tenant, "/")
		if key == "" {
			faults = append(faults, setFault{-1, "api_keys", "a key is empty: expected what devices say in their topics"})
		}
		if !schema.ValidTenantName(service) || !schema.ValidSubservice(subservice) {
			faults = append(faults, setFault{-1, key, fmt.Sprintf("the tenant is %q: expected service/subservice, of ASCII letters, digits, '_', '-' and '.'", tenant)})
		}
		s.keys[key] = schema.Tenant{Service: service, Subservice: subservice}
	}
	if len(c.Mappings) > MaxMappings {
		faults = append(faults, setFault{-1, "", fmt.Sprintf("there are %d mappings: expected at most %d", len(c.Mappings), MaxMappings)})
	}
	for i := range c.Mappings {
		compiled, own := compile(&c.Mappings[i])
		for _, f := range own {
			faults = append(faults, setFault{i, f.key, f.text})
		}
		s.mappings = append(s.mappings, compiled)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return s, nil
}

// Mappings returns the set's mappings in order, the shipped ones included. They
// are not to be changed.
func (s *Set) Mappings() []Mapping { return s.config.Mappings }

// Marshal returns the set as it stands in the journal: JSON, the same bytes for
// the same set.
func (s *Set) Marshal() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s.config); err != nil {
		panic(fmt.Sprintf("BUG: a set of mappings cannot be written: %v", err))
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}

// Unmarshal reads what Marshal wrote. It has the mappings that were shipped when
// it was written.
func Unmarshal(data []byte) (*Set, error) {
	var c config
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&c); err != nil {
		return nil, fmt.Errorf("read a set of mappings: %w", err)
	}
	if c.Version != formatVersion {
		return nil, fmt.Errorf("read a set of mappings: it has version %d, expected %d", c.Version, formatVersion)
	}
	s, faults := compileSet(c)
	if len(faults) > 0 {
		return nil, fmt.Errorf("read a set of mappings: mapping %d: %s: %s", faults[0].mapping, faults[0].key, faults[0].text)
	}
	return s, nil
}
