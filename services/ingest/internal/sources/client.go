package sources

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Path is the name of a file.
type Path string

// RelativeTo joins it to a directory, unless it is absolute.
func (p *Path) RelativeTo(dir string) {
	if *p != "" && !filepath.IsAbs(string(*p)) {
		*p = Path(filepath.Join(dir, string(*p)))
	}
}

// Secret is a text that is not shown when it is printed. ${NAME} stands for the
// environment's variable NAME.
type Secret string

// String hides the secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "<secret>"
}

// Format hides the secret whichever verb is used.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// Reveal returns the secret. It is looked for anew at each use, as a file is, so
// that one that is renewed needs no reload.
func (s Secret) Reveal() (string, error) {
	name, is := strings.CutPrefix(string(s), "${")
	name, closed := strings.CutSuffix(name, "}")
	if !is || !closed {
		return string(s), nil
	}
	value, set := os.LookupEnv(name)
	if !set {
		return "", fmt.Errorf("the environment has no variable %s", name)
	}
	return value, nil
}

// reveal returns the secret or the content of its file, without the line's end.
func reveal(s Secret, file Path) (string, error) {
	if file == "" {
		return s.Reveal()
	}
	content, err := os.ReadFile(string(file))
	if err != nil {
		return "", fmt.Errorf("read a secret: %w", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// Client says how HTTP requests identify themselves, and how TLS is spoken, with
// Prometheus' keys.
type Client struct {
	BasicAuth     *BasicAuth     `yaml:"basic_auth"`
	Authorization *Authorization `yaml:"authorization"`
	TLS           *TLS           `yaml:"tls_config"`
}

func (c *Client) faults() []string {
	if c.BasicAuth != nil && c.Authorization != nil {
		return []string{"basic_auth and authorization exclude each other"}
	}
	return nil
}

// Header returns the value of the header Authorization, "" for none.
func (c *Client) Header() (string, error) {
	switch {
	case c.BasicAuth != nil:
		return c.BasicAuth.header()
	case c.Authorization != nil:
		credentials, err := reveal(c.Authorization.Credentials, c.Authorization.CredentialsFile)
		if err != nil {
			return "", err
		}
		return c.Authorization.Type + " " + credentials, nil
	}
	return "", nil
}

// BasicAuth is a user's name and password.
type BasicAuth struct {
	Username     string `yaml:"username"`
	UsernameFile Path   `yaml:"username_file"`
	Password     Secret `yaml:"password"`
	PasswordFile Path   `yaml:"password_file"`
}

// Validate returns what is wrong with it.
func (b *BasicAuth) Validate() []string {
	var faults []string
	if b.Username != "" && b.UsernameFile != "" {
		faults = append(faults, "username and username_file exclude each other")
	}
	if b.Password != "" && b.PasswordFile != "" {
		faults = append(faults, "password and password_file exclude each other")
	}
	return faults
}

func (b *BasicAuth) header() (string, error) {
	name, err := reveal(Secret(b.Username), b.UsernameFile)
	if err != nil {
		return "", err
	}
	password, err := reveal(b.Password, b.PasswordFile)
	if err != nil {
		return "", err
	}
	return basic(name, password), nil
}

// Authorization is a header "Authorization: type credentials".
type Authorization struct {
	Type            string `yaml:"type"`
	Credentials     Secret `yaml:"credentials"`
	CredentialsFile Path   `yaml:"credentials_file"`
}

// SetDefaults makes it a bearer's token.
func (a *Authorization) SetDefaults() { a.Type = "Bearer" }

// Validate returns what is wrong with it.
func (a *Authorization) Validate() []string {
	switch {
	case a.Credentials != "" && a.CredentialsFile != "":
		return []string{"credentials and credentials_file exclude each other"}
	case strings.TrimSpace(a.Type) == "" || strings.ContainsAny(a.Type, " \t\r\n"):
		return []string{fmt.Sprintf("type is %q: expected a word such as Bearer", a.Type)}
	case strings.EqualFold(a.Type, "basic"):
		return []string{"type is Basic: expected the section basic_auth for that"}
	}
	return nil
}

// TLS says whom to trust, and who we are.
type TLS struct {
	CAFile             Path   `yaml:"ca_file"`
	CertFile           Path   `yaml:"cert_file"`
	KeyFile            Path   `yaml:"key_file"`
	ServerName         string `yaml:"server_name"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Validate returns what is wrong with it.
func (t *TLS) Validate() []string {
	if (t.CertFile == "") != (t.KeyFile == "") {
		return []string{"cert_file and key_file need each other"}
	}
	return nil
}

// APIKey is what is sent in the header X-API-Key, if anything.
type APIKey struct {
	Key  Secret `yaml:"api_key"`
	File Path   `yaml:"api_key_file"`
}

func (k *APIKey) faults() []string {
	if k.Key != "" && k.File != "" {
		return []string{"api_key and api_key_file exclude each other"}
	}
	return nil
}

// Reveal returns the key, "" for none.
func (k *APIKey) Reveal() (string, error) { return reveal(k.Key, k.File) }

// Fingerprint names settings: equal ones have the same. Unlike the settings it
// shows no secret.
func Fingerprint(settings ...any) string {
	h := sha256.New()
	encoder := json.NewEncoder(h)
	for _, s := range settings {
		if err := encoder.Encode(s); err != nil {
			panic(fmt.Sprintf("BUG: settings cannot be written: %v", err))
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
