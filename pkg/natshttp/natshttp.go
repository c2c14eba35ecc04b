// Package natshttp adapts nats.go: it carries HTTP over NATS, so that a service
// without a listener of its own answers routes of one that has.
//
// The messages of an exchange are those of envelope.go. A request goes to the
// service's subject, with an inbox for the answer; what the client has to say
// afterwards goes to a subject below the service's. Bodies that do not fit into
// one message are sent in parts, each after the one before it was read: there
// is never more than one part of a body on its way, whoever is slow.
package natshttp

import (
	"errors"
	"strings"
	"time"
)

// ErrNobody means that nobody listens on the service's subject, or that NATS
// itself cannot be reached.
var ErrNobody = errors.New("nobody answers")

// ErrBroken means that an answer ended before its end: the handler gave up.
var ErrBroken = errors.New("the answer was broken off")

// ErrMalformed means that a message is not one of this package.
var ErrMalformed = errors.New("the message is malformed")

// ErrTooLarge means that the header of a request or an answer does not fit into
// a message.
var ErrTooLarge = errors.New("the header is too large")

// ErrBody means that the body of the client's request did not come whole.
var ErrBody = errors.New("the request's body did not come whole")

const (
	// partSize is how much of a body is in one message, at the most.
	partSize = 256 << 10
	// maxHead bounds what stands before it: both together fit into the 1 MiB that
	// NATS servers allow by default.
	maxHead = 512 << 10
	// defaultTimeout bounds an exchange whose client says no time.
	defaultTimeout = time.Minute
)

// upSubject is where a client sends parts of its body and what it has read. All
// services of the subject hear it; that which has the request knows it by the
// last part of the answer's inbox.
func upSubject(subject, inbox string) string { return subject + upInfix + exchangeName(inbox) }

const upInfix = ".up."

func exchangeName(inbox string) string { return inbox[strings.LastIndexByte(inbox, '.')+1:] }
