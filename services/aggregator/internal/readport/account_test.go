package readport

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/pkg/schema"
)

func TestAnAccountIsWhatIsFoldedAndWhatIsPending(t *testing.T) {
	tenant := func(name string) schema.Tenant { return schema.Tenant{Service: name} }
	numbers := schema.AccountNumbers{Received: 6, Applied: 1, Duplicate: 2, Rejected: 3}
	withPending3 := schema.AccountNumbers{Received: 9, Applied: 1, Duplicate: 2, Rejected: 3, Pending: 3}
	only3 := schema.AccountNumbers{Received: 3, Pending: 3}
	for _, test := range []struct {
		name    string
		folded  []string
		pending []string
		want    []schema.TenantAccount
		sum     schema.AccountNumbers
	}{
		{"nothing at all is an empty list", nil, nil, []schema.TenantAccount{}, schema.AccountNumbers{}},
		{"nothing pending", []string{"b"}, nil, []schema.TenantAccount{{Tenant: tenant("b"), AccountNumbers: numbers}}, numbers},
		{"pending of a known tenant adds to received", []string{"b"}, []string{"b"}, []schema.TenantAccount{{Tenant: tenant("b"), AccountNumbers: withPending3}}, withPending3},
		{"pending of tenants before and behind come in order", []string{"b"}, []string{"a", "c"},
			[]schema.TenantAccount{{Tenant: tenant("a"), AccountNumbers: only3}, {Tenant: tenant("b"), AccountNumbers: numbers}, {Tenant: tenant("c"), AccountNumbers: only3}},
			schema.AccountNumbers{Received: 12, Applied: 1, Duplicate: 2, Rejected: 3, Pending: 6}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var folded []schema.TenantAccount
			for _, name := range test.folded {
				folded = append(folded, schema.TenantAccount{Tenant: tenant(name), AccountNumbers: numbers})
			}
			var pending []schema.TenantCount
			for _, name := range test.pending {
				pending = append(pending, schema.TenantCount{Tenant: tenant(name), Events: 3})
			}
			if diff := cmp.Diff(schema.Accounting{Tenants: test.want, Sum: test.sum}, withPending(folded, pending)); diff != "" {
				t.Errorf("account (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRecordsAreNotSplit(t *testing.T) {
	for _, test := range []struct {
		name  string
		sizes []int
		want  []int
	}{
		{"small ones share a message", []int{10, 20, 30}, []int{60}},
		{"what does not fit begins a message", []int{schema.ReadPortChunk - 10, 20}, []int{schema.ReadPortChunk - 10, 20}},
		{"what just fits does not", []int{schema.ReadPortChunk - 10, 10}, []int{schema.ReadPortChunk}},
		{"a large one goes alone", []int{1, schema.ReadPortChunk + 5, 1}, []int{1, schema.ReadPortChunk + 5, 1}},
		{"a large one can be the first", []int{schema.ReadPortChunk + 5, 1}, []int{schema.ReadPortChunk + 5, 1}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &stream{}
			for _, n := range test.sizes {
				s.record(func(b []byte) []byte { return append(b, make([]byte, n)...) })
			}
			var got []int
			for _, chunk := range append(s.chunks, s.current) {
				got = append(got, len(chunk))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("messages (-want +got):\n%s", diff)
			}
		})
	}
}
