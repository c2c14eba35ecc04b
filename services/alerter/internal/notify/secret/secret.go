// Package secret finds the secrets that a configuration names: written in it,
// standing in the environment, or in a file.
package secret

import (
	"fmt"
	"os"
	"strings"

	"weir/services/alerter/internal/amconfig"
)

// Environment looks up a variable, as os.LookupEnv does.
type Environment func(name string) (string, bool)

// Source is where one secret stands.
type Source struct {
	Inline      amconfig.Secret
	File        string // unless Inline
	Environment Environment
}

// Read returns the secret. A file is read each time, so that a secret may be
// changed without telling anybody; space around it is no part of it.
func (s Source) Read() (string, error) {
	if s.Inline != "" || s.File == "" {
		return s.Inline.Reveal(s.Environment)
	}
	content, err := os.ReadFile(s.File)
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// Check reports whether the environment lacks the variable that the secret is
// to come from. A file may come later.
func (s Source) Check() error {
	_, err := s.Inline.Reveal(s.Environment)
	return err
}

// Hide replaces secrets in a text that is shown to people.
func Hide(text string, secrets ...string) string {
	for _, s := range secrets {
		if len(s) >= 4 { // what is shorter is no secret, and would garble the text
			text = strings.ReplaceAll(text, s, "<secret>")
		}
	}
	return text
}
