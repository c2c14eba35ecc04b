package decode

import (
	"strings"
	"testing"

	"weir/pkg/schema"
)

func TestAliasTablesAreInOrder(t *testing.T) {
	aliased := map[schema.Field]bool{}
	for kind, table := range map[schema.Kind][]alias{
		schema.KindTask: taskAliases, schema.KindProplet: propletAliases, schema.KindSporeNode: sporeAliases, schema.KindDataNode: dataNodeAliases,
	} {
		seen := map[[2]string]bool{}
		done := map[string]bool{}
		for i, row := range table {
			aliased[row.field] = true
			if key := [2]string{row.section, row.name}; seen[key] {
				t.Errorf("%s.%s stands twice", row.section, row.name)
			} else {
				seen[key] = true
			}
			if i > 0 && table[i-1].section != row.section {
				done[table[i-1].section] = true
			}
			if done[row.section] {
				t.Errorf("the rows of %s do not stand together", row.section)
			}
			if kindOfField(row.field) != kind {
				t.Errorf("%s.%s is no field of a %v", row.section, row.name, kind)
			}
			if row.field%100 >= maxFields {
				t.Errorf("%s.%s is field %d of its kind: there is room for %d", row.section, row.name, row.field%100, maxFields)
			}
		}
	}
	for _, w := range dataNodeWords {
		aliased[w.field] = true
	}
	for _, info := range schema.Fields {
		if !aliased[info.Field] {
			t.Errorf("%s has no name in an alias table", info.Path)
		}
	}
}

func TestTheSourcesPathOfEveryFieldIsAnAlias(t *testing.T) {
	for _, info := range schema.Fields {
		found := false
		for _, table := range [][]alias{taskAliases, propletAliases, sporeAliases, dataNodeAliases} {
			for _, row := range table {
				found = found || row.field == info.Field && strings.TrimPrefix(row.section+"."+row.name, ".") == info.Path
			}
		}
		for _, w := range dataNodeWords {
			found = found || w.field == info.Field && w.path == info.Path
		}
		if !found {
			t.Errorf("%s is not the path of any alias", info.Path)
		}
	}
}

func kindOfField(f schema.Field) schema.Kind {
	for _, info := range schema.Fields {
		if info.Field == f {
			return info.Kind
		}
	}
	return 0
}
