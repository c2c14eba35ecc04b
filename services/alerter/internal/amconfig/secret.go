package amconfig

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"go.yaml.in/yaml/v3"
)

// hidden is what is shown in place of a secret.
const hidden = "<secret>"

// Secret is a text that is never shown: only Reveal hands it out. A value of the
// form ${NAME} stands for the environment's variable NAME.
type Secret string

// Reveal returns the secret. Environment looks up variables (os.LookupEnv does);
// a variable that is not set is an error that names it.
func (s Secret) Reveal(environment func(string) (string, bool)) (string, error) {
	name, ok := variable(string(s))
	if !ok {
		return string(s), nil
	}
	value, ok := environment(name)
	if !ok {
		return "", fmt.Errorf("reveal a secret: the environment has no variable %s", name)
	}
	return value, nil
}

// variable returns NAME of ${NAME}.
func variable(s string) (string, bool) {
	name, ok := strings.CutPrefix(s, "${")
	if !ok {
		return "", false
	}
	name, ok = strings.CutSuffix(name, "}")
	return name, ok && name != "" && !strings.ContainsAny(name, "${} ")
}

// String hides the secret; so do all the other ways to write one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format hides the secret whichever verb is used.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalJSON hides the secret.
func (s Secret) MarshalJSON() ([]byte, error) { return json.Marshal(s.String()) }

// MarshalYAML hides the secret.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// SecretURL is a Secret that must be a URL, or ${NAME}.
type SecretURL struct{ Secret }

// UnmarshalYAML reads it.
func (u *SecretURL) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil {
		return err
	}
	if _, ok := variable(text); !ok && text != "" {
		if _, err := parseURL(text); err != nil {
			return fmt.Errorf("the URL (it is a secret) %w", err)
		}
	}
	u.Secret = Secret(text)
	return nil
}

// URL is a URL with scheme http or https and a host; nil if there is none.
type URL struct{ *url.URL }

// MustURL parses a URL that is known to be one.
func MustURL(s string) URL {
	u, err := parseURL(s)
	if err != nil {
		panic("BUG: " + s + ": " + err.Error())
	}
	return URL{u}
}

// UnmarshalYAML reads it.
func (u *URL) UnmarshalYAML(node *yaml.Node) error {
	var text string
	if err := node.Decode(&text); err != nil {
		return err
	}
	if text == "" {
		return nil
	}
	parsed, err := parseURL(text)
	if err != nil {
		return fmt.Errorf("URL %q %w", text, err)
	}
	u.URL = parsed
	return nil
}

// MarshalYAML writes it, without the password that it may contain.
func (u URL) MarshalYAML() (any, error) { return u.String(), nil }

// MarshalJSON writes it, without the password that it may contain.
func (u URL) MarshalJSON() ([]byte, error) { return json.Marshal(u.String()) }

// String returns it, without the password that it may contain.
func (u URL) String() string {
	if u.URL == nil {
		return ""
	}
	return u.Redacted()
}

// parseURL's errors do not repeat the URL.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("cannot be parsed: expected http://… or https://…")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("has scheme %q: expected http or https", u.Scheme)
	case u.Host == "":
		return nil, errors.New("has no host")
	}
	return u, nil
}
