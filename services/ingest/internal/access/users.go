// Package access decides who may publish and subscribe where.
package access

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/bcrypt"

	"weir/pkg/schema"
)

// Users is the content of a users file: YAML with a list "users", each with
// "username", "password" (its bcrypt hash) and the tenants that it may
// "publish" (over MQTT and HTTP) and "subscribe" in. A tenant is
// "service/subservice", "service/*" or "*"; only "*" reaches topics that belong to
// no tenant, and administration.
//
// As in SuperMQ, the username is the device's client id and the password its
// key: the MQTT client identifier is not looked at.
type Users struct {
	byName map[string]*user

	// bcrypt takes some 50 ms by design; a fleet that reconnects would wait for
	// minutes. What was right once is remembered by its SHA-256, keyed for this
	// process only.
	key   [32]byte
	mu    sync.Mutex
	known map[[32]byte]bool
}

type user struct {
	Username  string   `yaml:"username"`
	Password  string   `yaml:"password"`
	Publish   []string `yaml:"publish"`
	Subscribe []string `yaml:"subscribe"`
}

// Load reads a users file. All faults are reported at once.
func Load(path string) (*Users, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the users file: %w", err)
	}
	u, err := parse(data)
	if err != nil {
		return nil, fmt.Errorf("users file %s: %w", path, err)
	}
	return u, nil
}

func parse(data []byte) (*Users, error) {
	var file struct {
		Users []user `yaml:"users"`
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	u := &Users{byName: map[string]*user{}, known: map[[32]byte]bool{}}
	if _, err := rand.Read(u.key[:]); err != nil {
		return nil, err
	}
	var faults []error
	for i := range file.Users {
		one := &file.Users[i]
		for _, fault := range one.faults() {
			faults = append(faults, fmt.Errorf("user %d (%q): %s", i+1, one.Username, fault))
		}
		if u.byName[one.Username] != nil {
			faults = append(faults, fmt.Errorf("user %d (%q): the username is there twice", i+1, one.Username))
		}
		u.byName[one.Username] = one
	}
	if len(file.Users) == 0 {
		faults = append(faults, errors.New("it has no users: nobody could connect"))
	}
	return u, errors.Join(faults...)
}

func (u *user) faults() []string {
	var faults []string
	if u.Username == "" {
		faults = append(faults, "username is missing")
	}
	if _, err := bcrypt.Cost([]byte(u.Password)); err != nil {
		faults = append(faults, "password is not a bcrypt hash such as \"htpasswd -nbB name key\" prints")
	}
	for _, pattern := range slices.Concat(u.Publish, u.Subscribe) {
		if !validPattern(pattern) {
			faults = append(faults, fmt.Sprintf("tenant %q is not \"service/subservice\", \"service/*\" or \"*\"", pattern))
		}
	}
	return faults
}

func validPattern(p string) bool {
	if p == "*" {
		return true
	}
	service, sub, ok := strings.Cut(p, "/")
	return ok && schema.ValidTenantName(service) && (sub == "*" || schema.ValidSubservice(sub))
}

// Authenticate reports whether the password is the user's.
func (u *Users) Authenticate(username string, password []byte) bool {
	one := u.byName[username]
	if one == nil {
		return false
	}
	h := sha256.New()
	h.Write(u.key[:])
	fmt.Fprintf(h, "%d:%s:", len(username), username)
	h.Write(password)
	sum := [32]byte(h.Sum(nil))
	u.mu.Lock()
	known := u.known[sum]
	u.mu.Unlock()
	if known {
		return true
	}
	if bcrypt.CompareHashAndPassword([]byte(one.Password), password) != nil {
		return false
	}
	u.mu.Lock()
	u.known[sum] = true
	u.mu.Unlock()
	return true
}

// MayPublish reports whether a user may publish on a topic.
func (u *Users) MayPublish(username, topic string) bool {
	one := u.byName[username]
	return one != nil && allowed(one.Publish, topic)
}

// MayPublishFor reports whether a user may publish or push what belongs to a tenant.
func (u *Users) MayPublishFor(username string, t schema.Tenant) bool {
	one := u.byName[username]
	return one != nil && covered(one.Publish, t.Service, t.Subservice)
}

// MayPublishAll reports whether a user may publish everything.
func (u *Users) MayPublishAll(username string) bool {
	one := u.byName[username]
	return one != nil && slices.Contains(one.Publish, "*")
}

// Home returns the one tenant that a user may publish for, if it is only one: it
// is meant where none is named.
func (u *Users) Home(username string) (schema.Tenant, bool) {
	one := u.byName[username]
	if one == nil || len(one.Publish) != 1 || strings.Contains(one.Publish[0], "*") {
		return schema.Tenant{}, false
	}
	service, sub, _ := strings.Cut(one.Publish[0], "/")
	return schema.Tenant{Service: service, Subservice: sub}, true
}

// MaySubscribe reports whether a user may receive what a topic filter matches,
// or what comes on a topic.
func (u *Users) MaySubscribe(username, filter string) bool {
	one := u.byName[username]
	return one != nil && allowed(one.Subscribe, filter)
}

// MaySubscribeFor reports whether a user may receive what belongs to a tenant.
func (u *Users) MaySubscribeFor(username string, t schema.Tenant) bool {
	one := u.byName[username]
	return one != nil && covered(one.Subscribe, t.Service, t.Subservice)
}

func allowed(patterns []string, topic string) bool {
	service, sub := scope(topic)
	return covered(patterns, service, sub)
}

func covered(patterns []string, service, sub string) bool {
	for _, p := range patterns {
		if p == "*" {
			return true
		}
		ps, pt, _ := strings.Cut(p, "/")
		if service != "" && ps == service && (pt == "*" || pt == sub) {
			return true
		}
	}
	return false
}

// named begin the topics of the form {first}/{service}/{subservice}/….
var named = []string{"spore", "datamgmt", "expo", "j"}

// scope returns the service and subservice that a topic or filter stays
// within; an empty or wildcard one stays within none.
func scope(topic string) (service, sub string) {
	if rest, shared := strings.CutPrefix(topic, "$share/"); shared {
		_, topic, _ = strings.Cut(rest, "/")
	}
	levels := strings.SplitN(topic, "/", 5)
	switch {
	case len(levels) >= 4 && levels[0] == "m" && levels[2] == "c":
		service, sub = levels[1], levels[3]
	case len(levels) >= 3 && slices.Contains(named, levels[0]):
		service, sub = levels[1], levels[2]
	case len(levels) >= 2 && (levels[0] == "m" || slices.Contains(named, levels[0])):
		service = levels[1]
	}
	if !schema.ValidTenantName(service) {
		return "", ""
	}
	if !schema.ValidTenantName(sub) {
		return service, ""
	}
	return service, sub
}
