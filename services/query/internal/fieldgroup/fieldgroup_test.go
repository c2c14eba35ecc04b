package fieldgroup_test

import (
	"testing"

	"weir/pkg/schema"
	"weir/services/query/internal/fieldgroup"
)

func TestAppend(t *testing.T) {
	memory := fieldgroup.New(schema.KindSporeNode, "memory")
	fields := []schema.FieldValue{
		{Field: schema.SporeCPUUsagePercent, Value: 1},
		{Field: schema.SporeMemoryTotalBytes, Value: 98304},
		{Field: schema.SporeMemoryFragmentationPercent, Value: 2.5},
		{Field: schema.SporeNetworkBytesSent, Value: 3},
		{Field: schema.TaskCPUPercent, Value: 4},
	}
	for name, row := range map[string]struct{ got, want string }{
		"the group's own fields, in their order": {string(memory.Append([]byte(`{"a":1`), fields)), `{"a":1,"memory":{"total_bytes":98304,"heap_fragmentation":2.5}`},
		"no field: no object":                    {string(memory.Append([]byte(`{"a":1`), fields[:1])), `{"a":1`},
		"no field, always: an empty object":      {string(memory.AppendAlways([]byte(`{"a":1`), nil)), `{"a":1,"memory":{}`},
	} {
		t.Run(name, func(t *testing.T) {
			if row.got != row.want {
				t.Errorf("got %s, want %s", row.got, row.want)
			}
		})
	}
}

func TestAGroupThatNoFieldHasIsAMistakeInTheProgram(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it did not panic")
		}
	}()
	fieldgroup.New(schema.KindTask, "cpu")
}
