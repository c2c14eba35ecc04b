package amconfig

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	commonconfig "github.com/prometheus/common/config"
	"go.yaml.in/yaml/v3"
)

var (
	secretTypes = []reflect.Type{reflect.TypeFor[Secret](), reflect.TypeFor[SecretURL](), reflect.TypeFor[commonconfig.Secret]()}
	urlTypes    = []reflect.Type{reflect.TypeFor[URL](), reflect.TypeFor[commonconfig.URL]()}
)

// hideSecrets returns a file without its secrets and its comments, which may
// hold some too. What is secret follows from the types that the file is read
// into, so that a new key cannot be forgotten here.
func hideSecrets(content string) string {
	var document yaml.Node
	if err := yaml.Unmarshal([]byte(content), &document); err != nil || len(document.Content) == 0 {
		return ""
	}
	hide(document.Content[0], reflect.TypeFor[file]())
	uncomment(&document)
	text, err := yaml.Marshal(&document)
	if err != nil {
		return ""
	}
	return string(text)
}

func uncomment(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		uncomment(c)
	}
}

// hide replaces the secrets in what is read into a type.
func hide(n *yaml.Node, t reflect.Type) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case slices.Contains(secretTypes, t) && n.Kind == yaml.ScalarNode && n.Value != "":
		n.SetString(hidden)
	case slices.Contains(urlTypes, t) && n.Kind == yaml.ScalarNode:
		if u, err := url.Parse(n.Value); err == nil {
			n.SetString(u.Redacted())
		}
	case t.Kind() == reflect.Slice:
		for _, c := range n.Content {
			hide(c, t.Elem())
		}
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			hideUnder(n.Content[i].Value, n.Content[i+1], t)
		}
	}
}

// hideUnder replaces the secrets in the value of a key of what is read into t.
func hideUnder(key string, value *yaml.Node, t reflect.Type) {
	if of := valueType(t, key); of != nil {
		hide(value, of)
	}
}

// valueType returns the type of what a key is read into, nil if there is none.
func valueType(t reflect.Type, key string) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() == reflect.Map {
		return t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == key && name != "" {
			return t.Field(i).Type
		}
		if strings.Contains(options, "inline") {
			if of := valueType(t.Field(i).Type, key); of != nil {
				return of
			}
		}
	}
	return nil
}
