// Package actions does what tenants' rules say is to be done when they fire:
// Perseo's actions email, sms, post, update and twitter. What became of each
// attempt is an event, so that a restart knows what is still owed.
package actions

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"weir/pkg/schema"
	"weir/services/alerter/internal/alert"
	"weir/services/alerter/internal/rule"
)

// Ledger holds what happened. Its methods may be called concurrently.
type Ledger interface {
	// Append stores events and applies them to the state. An error says that
	// they are neither stored nor applied.
	Append(ctx context.Context, events ...alert.Event) error
	// Read shows the state. f must neither keep nor change it; what the state's
	// maps and lists point to may be kept.
	Read(f func(*alert.State))
}

// Counters takes what serving tenants cost.
type Counters interface {
	Count(schema.Operations)
}

// Mail is an e-mail. Addresses are lists as in a header.
type Mail struct {
	ID                         string // the same for each attempt
	From, To, CC, BCC, Subject string
	Text, HTML                 string // one of them
}

// Mailer sends e-mail. A failure that trying again may mend is a *notice.Error
// with Retry set.
type Mailer interface {
	// Mail returns how many bytes the message had.
	Mail(ctx context.Context, m Mail) (size int, err error)
}

// Settings are the addresses and secrets of what actions use. An action that
// lacks one fails, and says which.
type Settings struct {
	SMSURL       string // SMS gateway: where messages are posted to
	SMSFrom      string // the sender of SMS, "tel:22012"
	SMSAPIKey    string // sent as API_KEY, if set
	SMSAPISecret string // sent as API_SECRET, if set

	ContextBrokerURL string // NGSIv2: "http://orion:1026"

	TwitterURL string // of statuses/update; "" is DefaultTwitterURL
	Twitter    OAuth1 // for actions that bring no keys of their own
}

// DefaultTwitterURL is where statuses are updated.
const DefaultTwitterURL = "https://api.twitter.com/1.1/statuses/update.json"

// Config is what a Runner works with.
type Config struct {
	Ledger   Ledger
	Counters Counters
	Settings Settings
	Mailer   Mailer

	// Attributes reads what else is known of an entity; nil: nobody can.
	Attributes Attributes
	// ParseRule reads a tenant's rule: rule.FromAPI.
	ParseRule func(tenant alert.Tenant, body json.RawMessage) (rule.Group, error)

	Client *http.Client
	Now    func() time.Time
	Logger *slog.Logger
}

// What an action may take.
const (
	// Timeout bounds one attempt.
	Timeout = 20 * time.Second
	// MaxAttempts is how often an action is tried before it has failed.
	MaxAttempts = 8
	firstDelay  = time.Second
	longest     = 5 * time.Minute
)

// The loop guard: rules whose actions make events that make rules fire.
const (
	loopRules  = 20
	loopWindow = 15 * time.Minute
)

// ErrNoRuleName says that an event does not name the rule that fired.
var ErrNoRuleName = errors.New("missing rule name")

// ErrLoop says that one transaction made too many rules fire.
var ErrLoop = errors.New("loop detected")

// ErrBusy says that too many actions wait for their turn.
var ErrBusy = errors.New("too many actions wait")
