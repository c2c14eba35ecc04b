package mapping

import "testing"

// A FIWARE service path may have levels; so may the subservice that a mapping or an
// API key stands for.
func TestSubservicesMayHaveLevels(t *testing.T) {
	set, faults := compileSet(config{
		APIKeys: map[string]string{"k": "farm/hall/cell2"},
		Mappings: []Mapping{
			{Match: "plant/{device}", Service: "farm", Subservice: "hall/cell3", Payload: "number", Device: "{device}", Name: "x"},
			{Match: "keys/{key}/{device}", APIKey: "{key}", Payload: "number", Device: "{device}", Name: "x"},
		},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	for topic, want := range map[string]string{"plant/d": "farm/hall/cell3", "keys/k/d": "farm/hall/cell2"} {
		if m, ok := set.Match(topic); !ok || m.Fault != "" || m.Tenant.String() != want {
			t.Errorf("%s: %+v, want %s", topic, m, want)
		}
	}
	if _, faults := compileSet(config{APIKeys: map[string]string{"k": "farm/hall//cell"}}); len(faults) != 1 {
		t.Errorf("faults %v", faults)
	}
}
