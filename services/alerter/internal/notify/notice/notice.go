// Package notice is what is told to receivers, and what comes of it: the types
// that package notify and its integrations share. Package notify names them for
// everybody else.
package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/common/model"

	"weir/services/alerter/internal/alert"
)

// Message is what one integration is to tell: the news of a group.
type Message struct {
	ID          string // the same for each attempt at the same news: what vendors deduplicate by
	GroupKey    string // the same for each message about the group
	Receiver    string // its name
	Reason      string // why it is sent, as package route names it
	GroupLabels model.LabelSet
	RouteLabels model.LabelSet // for templates; may be nil
	Firing      []*alert.Alert
	Resolved    []*alert.Alert
	Now         time.Time
	ExternalURL string // of the dashboard, without a slash at its end

	// Chart returns what an alert's series was lately. It may be nil; an error
	// only costs the picture.
	Chart func(context.Context, *alert.Alert) (Series, error)
}

// Series is a line to be drawn: values at times, ascending. NaN is a gap.
type Series struct {
	Name   string // what it shows, a line of text
	Times  []time.Time
	Values []float64
}

// Integration is one way to tell one receiver. Send may be called concurrently.
type Integration interface {
	// Name is its kind: "slack", "email", "pagerduty", "opsgenie", "webhook".
	Name() string

	// SendResolved reports whether it wants to hear of resolved alerts at all.
	SendResolved() bool

	// Send tells the receiver; nil means that the receiver has acknowledged it.
	// Each error is an *Error.
	Send(ctx context.Context, m *Message) error
}

// Key names the i-th of a receiver's integrations as amconfig.Integration does:
// "slack[0]", counted among those of its kind.
func Key(all []Integration, i int) string {
	number := 0
	for _, before := range all[:i] {
		if before.Name() == all[i].Name() {
			number++
		}
	}
	return fmt.Sprintf("%s[%d]", all[i].Name(), number)
}

// Error says that a receiver was not told. It never holds a secret.
type Error struct {
	Retry bool          // trying again may help: a network error, 429, 5xx, SMTP 4xx
	After time.Duration // not before, as the receiver says; 0 if it does not
	Code  int           // status of the receiver's answer, 0 for none
	Err   error
}

// Error returns the error's text.
func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the error within.
func (e *Error) Unwrap() error { return e.Err }

// Failure returns err as an *Error. One that is none yet is worth another try: a
// fault that nobody foresaw must not silence an alert.
func Failure(err error) *Error {
	var e *Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &e):
		return e
	}
	return &Error{Retry: true, Err: err}
}

// Permanent returns an error that trying again will not mend.
func Permanent(format string, args ...any) *Error { return &Error{Err: fmt.Errorf(format, args...)} }

// Temporary returns an error that trying again may mend.
func Temporary(format string, args ...any) *Error {
	return &Error{Retry: true, Err: fmt.Errorf(format, args...)}
}

// WithTimeout bounds an attempt, if there is a bound.
func WithTimeout(ctx context.Context, timeout time.Duration) (context.Context, context.CancelFunc) {
	if timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, timeout, fmt.Errorf("the configured timeout of %s has passed", timeout))
}
