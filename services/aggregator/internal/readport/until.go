package readport

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// until says for each tenant, by number, up to which arrival a source's readings
// are meant; nil for all of all tenants. What is not named in it came later.
//
// As a text it is pairs of tenant and arrival, such as "1:1200,5:77", ascending.
type until map[uint64]uint64

func parseUntil(text string) (until, error) {
	if text == "" {
		return nil, nil
	}
	u := until{}
	for pair := range strings.SplitSeq(text, ",") {
		left, right, _ := strings.Cut(pair, ":")
		tenant, err := strconv.ParseUint(left, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w: until: %w", ErrBadRequest, err)
		}
		if u[tenant], err = strconv.ParseUint(right, 10, 64); err != nil {
			return nil, fmt.Errorf("%w: until: %w", ErrBadRequest, err)
		}
	}
	return u, nil
}

func (u until) String() string {
	var b []byte
	for _, tenant := range slices.Sorted(maps.Keys(u)) {
		if len(b) > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendUint(b, tenant, 10)
		b = strconv.AppendUint(append(b, ':'), u[tenant], 10)
	}
	return string(b)
}

// arrival returns up to which arrival a tenant's readings are meant.
func (u until) arrival(tenant uint64) uint64 {
	if u == nil {
		return math.MaxUint64
	}
	return u[tenant]
}

// see notes an arrival.
func (u until) see(tenant, arrival uint64) { u[tenant] = max(u[tenant], arrival) }
