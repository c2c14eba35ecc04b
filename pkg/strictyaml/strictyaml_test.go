package strictyaml_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"weir/pkg/strictyaml"
)

// menu has a field of each kind that is read in a way of its own.
type menu struct {
	Name     string            `yaml:"name"`
	Seats    int               `yaml:"seats"`
	Since    time.Time         `yaml:"since"`
	Owner    *owner            `yaml:"owner"`
	Dishes   []dish            `yaml:"dishes"`
	Specials []*dish           `yaml:"specials"`
	Hours    map[string]hours  `yaml:"hours"`
	Notes    map[string]string `yaml:"notes"`
	Extra    *yaml.Node        `yaml:"extra"`
	Foreign  foreign           `yaml:"foreign"`
	File     path              `yaml:"file"`
	Any      any               `yaml:"any"`
	Hidden   string            // without a tag
	Dash     string            `yaml:"-"`
	address  `yaml:",inline"`
}

type address struct {
	Street string `yaml:"street"`
}

type owner struct {
	Name string `yaml:"name"`
}

type dish struct {
	strictyaml.At
	Name  string  `yaml:"name"`
	Price price   `yaml:"price"`
	Tags  []price `yaml:"tags"`
}

func (d *dish) SetDefaults() { d.Price = 5 }

func (d *dish) Validate() []string {
	if d.Name == "" {
		return []string{"name is missing"}
	}
	return nil
}

// price reads itself from a text.
type price int

func (p *price) UnmarshalText(text []byte) error {
	if _, err := fmt.Sscanf(string(text), "%d €", (*int)(p)); err != nil {
		return fmt.Errorf("%q is not a price such as 5 €", text)
	}
	return nil
}

// hours reads itself from nodes.
type hours struct{ from, to int }

func (h *hours) UnmarshalYAML(n *yaml.Node) error {
	var both []int
	if err := n.Decode(&both); err != nil {
		return err
	}
	if len(both) != 2 {
		return errors.New("expected two numbers")
	}
	h.from, h.to = both[0], both[1]
	return nil
}

// foreign reads itself as the types of many libraries do.
type foreign struct {
	Size   int              `yaml:"size"`
	Secret string           `yaml:"secret_ref"`
	Inner  *foreign         `yaml:"inner"`
	Rest   map[string]owner `yaml:",inline"`
}

func (f *foreign) UnmarshalYAML(unmarshal func(any) error) error {
	type plain foreign
	f.Size = 1
	if err := unmarshal((*plain)(f)); err != nil {
		return err
	}
	if f.Size < 0 {
		return errors.New("the size is negative")
	}
	return nil
}

type path string

func (p *path) RelativeTo(dir string) { *p = path(filepath.Join(dir, string(*p))) }

var options = strictyaml.Options{Product: "Diner", Dir: "/etc", Unsupported: map[string][]string{
	"":        {"wine", "music_*", "*_bar"},
	"foreign": {"secret_ref"},
	"dishes":  {"recipe"},
}}

func read(text string, o strictyaml.Options) (*menu, error) {
	root, err := strictyaml.Document([]byte(text))
	if err != nil {
		return nil, err
	}
	m := &menu{}
	return m, strictyaml.Read(root, m, o).Err()
}

func TestFaults(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a key that there is not", "chairs: 3", "line 1: unknown key chairs"},
		{"a key of a field that has no tag", "hidden: x\nHidden: x\n\"-\": x", "line 1: unknown key hidden\nline 2: unknown key Hidden\nline 3: unknown key -"},
		{"a key within a section", "dishes: [{cook: x, name: a}]", "line 1: dishes: unknown key cook"},
		{"keys that the other product has", "wine: x\nmusic_loud: x\nsalad_bar: x", `line 1: wine is a key of Diner that weir does not support
line 2: music_loud is a key of Diner that weir does not support
line 3: salad_bar is a key of Diner that weir does not support`},
		{"a key that the other product has, elsewhere", "dishes: [{name: a, recipe: x, wine: x}]",
			"line 1: dishes: recipe is a key of Diner that weir does not support\nline 1: dishes: unknown key wine"},
		{"a key that a foreign type has and weir does not support", "foreign: {secret_ref: x}", "line 1: foreign: secret_ref is a key of Diner that weir does not support"},
		{"a foreign type is strict within", "foreign:\n  inner:\n    inner: {size: x}\n    any: {nick: x}",
			"line 3: size: cannot unmarshal !!str `x` into int\nline 4: any: unknown key nick"},
		{"what a foreign type says itself", "foreign:\n  inner: {size: -1}", "line 2: inner: the size is negative"},
		{"what a type says that reads nodes", "hours:\n  monday: [8]\n  sunday: x", "line 2: monday: expected two numbers\nline 3: sunday: cannot unmarshal !!str `x` into []int"},
		{"an entry that stands for nothing", "name: &none\ndishes: [*none]", "line 2: dishes: an empty entry"},
		{"values of another type", "name: []\nseats: many\nnotes: {a: [b]}", "line 1: name: cannot unmarshal !!seq into string\nline 2: seats: cannot unmarshal !!str `many` into int\nline 3: notes: cannot unmarshal !!seq into string"},
		{"a text that cannot be read", "dishes: [{name: a, price: cheap}]", `line 1: price: "cheap" is not a price such as 5 €`},
		{"a text that is keys and values", "dishes: [{name: a, price: {b: c}}]", "line 1: price: expected a text"},
		{"all texts of a list that cannot be read", "dishes: [{name: a, tags: [b, 5 €, c]}]", "line 1: tags: \"b\" is not a price such as 5 €\nline 1: tags: \"c\" is not a price such as 5 €"},
		{"a list that is none", "dishes: {name: a}", "line 1: dishes: expected a list"},
		{"an empty entry of a list", "specials:\n- name: a\n-\n", "line 3: specials: an empty entry"},
		{"keys and values that are none", "owner: x\nhours: []", "line 1: owner: expected keys and values\nline 2: hours: expected keys and values"},
		{"a file that is a list", "- a", "line 1: expected keys and values"},
		{"what Validate says, with the line of its section", "dishes:\n- name: a\n- price: 1 €", "line 3: dishes: name is missing"},
		{"Validate is not asked of what could not be read", "dishes:\n- price: cheap\n- name: {}", "line 2: price: \"cheap\" is not a price such as 5 €\nline 3: name: cannot unmarshal !!map into string"},
		{"merging", "owner: &o {name: a}\nspecials: [{<<: *o}]", "line 2: specials: <<: merging is not supported by weir\nline 2: specials: name is missing"},
		{"a key that is an alias", "name: &street x\n*street : y", "line 2: expected a text for a key"},
		{"faults are sorted by line, and the same is said once", "seats: x\ndishes: [{}, {}]\nchairs: 1", "line 1: seats: cannot unmarshal !!str `x` into int\nline 2: dishes: name is missing\nline 3: unknown key chairs"},
		{"no YAML", "a: [", "line 1: did not find expected node content"},
		{"a second document", "name: a\n---\n", "there is a second document in the file: expected one"},
		{"a second document that is no YAML", "name: a\n---\n[", "there is a second document in the file: expected one"},
		{"a key twice", "any: {a: 1,\n a: 2}", `line 2: mapping key "a" already defined at line 1`},
		{"an alias of itself", "any: &a [*a]", "anchor 'a' value contains itself"},
		{"aliases that multiply", "any:\n" + laughs(), "document contains excessive aliasing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.text, options)
			if err == nil || err.Error() != c.want {
				t.Errorf("got:\n%v\nwant:\n%s", err, c.want)
			}
			var faults strictyaml.Faults
			if !errors.As(fmt.Errorf("read: %w", err), &faults) {
				t.Errorf("a %T", err)
			}
		})
	}
}

// laughs is a list that aliases make of a thousand million entries.
func laughs() string {
	text := "- &a0 [x, x, x, x, x, x, x, x, x, x]\n"
	for i := range 8 {
		alias := fmt.Sprintf("*a%d, ", i)
		text += fmt.Sprintf("- &a%d [%s]\n", i+1, strings.Repeat(alias, 10))
	}
	return text
}

func TestValidateAll(t *testing.T) {
	o := options
	o.ValidateAll = true
	_, err := read("dishes:\n- price: cheap", o)
	const want = "line 2: dishes: name is missing\nline 2: price: \"cheap\" is not a price such as 5 €"
	if err == nil || err.Error() != want {
		t.Errorf("got:\n%v\nwant:\n%s", err, want)
	}
}

func TestValues(t *testing.T) {
	m, err := read(`
name: &name Weir's
seats: 0x10
street: an embedded struct's key
owner: {name: *name}
dishes:
  - name: soup
  - &stew {name: stew, price: 7 €, tags: [1 €, 2 €]}
specials: [*stew]
hours: {monday: [8, 17], sunday: }
notes: {a: b}
extra: [kept, as, it, stands]
foreign: {inner: {size: 3}, other: {name: z}}
file: menu.txt
any: {a: [1]}
`, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"an alias", m.Owner.Name, "Weir's"},
		{"a number", m.Seats, 16},
		{"an embedded struct's key", m.Street, "an embedded struct's key"},
		{"a default", m.Dishes[0].Price, price(5)},
		{"a list of texts", m.Dishes[1].Tags, []price{1, 2}},
		{"a list of pointers", m.Specials[0].Name, "stew"},
		{"where a struct begins", m.Dishes[0].Line(), 7},
		{"where an alias's struct begins", m.Specials[0].Line(), 8},
		{"a map of structs", m.Hours, map[string]hours{"monday": {8, 17}, "sunday": {}}},
		{"a map of texts", m.Notes, map[string]string{"a": "b"}},
		{"a node", m.Extra.Content[3].Value, "stands"},
		{"a foreign type's default", m.Foreign.Size, 1},
		{"a foreign type within another", m.Foreign.Inner.Size, 3},
		{"keys without a field, where they may be", m.Foreign.Rest, map[string]owner{"other": {"z"}}},
		{"a file's name", m.File, path("/etc/menu.txt")},
		{"whatever", m.Any, map[string]any{"a": []any{1}}},
	} {
		if !reflect.DeepEqual(c.got, c.want) {
			t.Errorf("%s: got %v, want %v", c.what, c.got, c.want)
		}
	}
}

func TestNothingIsSaidByNothing(t *testing.T) {
	for _, text := range []string{"", "# a comment\n", "~", "name:\nowner:\ndishes: []\nspecials:\nhours:\nforeign:\nextra:\nfile:\nany:\n"} {
		m, err := read(text, options)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		m.Dishes = nil // an empty list is not none
		if !reflect.DeepEqual(m, &menu{}) {
			t.Errorf("%q: %+v", text, m)
		}
	}
}

func TestFaultsOf(t *testing.T) {
	got := strictyaml.FaultsOf(&yaml.TypeError{Errors: []string{"line 12: a\nb", "c"}})
	if want := (strictyaml.Faults{{12, "a\nb"}, {0, "c"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("of yaml's: %v", got)
	}
	got = strictyaml.FaultsOf(errors.New("line 12: a\nyaml: line 3: b\nyaml: c"))
	if want := (strictyaml.Faults{{12, "a"}, {3, "b"}, {0, "c"}}); !reflect.DeepEqual(got, want) {
		t.Errorf("of lines: %v", got)
	}
	if err := strictyaml.Faults(nil).Err(); err != nil {
		t.Errorf("none: %v", err)
	}
}

func Example() {
	type server struct {
		Address string   `yaml:"address"`
		Names   []string `yaml:"names"`
	}
	root, err := strictyaml.Document([]byte("address: localhost\nname: [a]\nnames: b\nhttp2: on\n"))
	if err != nil {
		fmt.Println(err)
		return
	}
	var s server
	faults := strictyaml.Read(root, &s, strictyaml.Options{Product: "nginx", Unsupported: map[string][]string{"": {"http*"}}})
	if !strings.Contains(s.Address, ":") {
		faults.Add(1, "address %q: expected host:port", s.Address)
	}
	fmt.Println(faults.Err())
	// Output:
	// line 1: address "localhost": expected host:port
	// line 2: unknown key name
	// line 3: names: expected a list
	// line 4: http2 is a key of nginx that weir does not support
}
