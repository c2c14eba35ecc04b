package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"weir/devices/simulate"
)

// bookkeeper compares a server's books with what a fleet has sent.
type bookkeeper struct {
	server *client
	before map[simulate.Tenant]books
}

func newBookkeeper(server *client) *bookkeeper {
	return &bookkeeper{server, map[simulate.Tenant]books{}}
}

// open takes down what the tenants' books say before the fleet begins.
func (k *bookkeeper) open(ctx context.Context, tenants []simulate.Tenant) error {
	for _, t := range tenants {
		b, err := k.server.books(ctx, t.Service, t.Subservice)
		if err != nil {
			return err
		}
		k.before[t] = b
	}
	return nil
}

// close waits until all that the fleet sent is folded, and says whether the
// books agree; an errBooks is that they do not.
func (k *bookkeeper) close(ctx context.Context, out io.Writer, accounts []simulate.Account) error {
	var faults []string
	for _, a := range accounts {
		before := k.before[a.Tenant]
		// What came twice is no sign that all came.
		after, err := k.server.booksWhen(ctx, a.Tenant.Service, a.Tenant.Subservice, func(b books) bool {
			b = b.since(before)
			return b.Received-b.Duplicate >= a.Received
		})
		if err != nil && after == (books{}) {
			return err
		}
		b := after.since(before)
		if fault := compareBooks(b, a); fault != "" {
			faults = append(faults, fmt.Sprintf("%s: %s, but the books say %s", a.Tenant, fault, b))
			continue
		}
		fmt.Fprintf(out, "the books of %s agree: %s\n", a.Tenant, b)
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s", errBooks, strings.Join(faults, "; "))
	}
	return nil
}

// compareBooks returns what of a tenant's books does not go with what was sent.
func compareBooks(b books, a simulate.Account) string {
	switch {
	case b.Received != b.Applied+b.Duplicate+b.Rejected+b.Pending || b.Pending != 0:
		return "not everything is folded"
	case b.Received-b.Duplicate < a.Received || b.Received-b.Duplicate > a.Received+a.Unknown+a.Asked+a.Wills:
		return fmt.Sprintf("%s messages were answered", count(a.Received))
	case b.Duplicate > a.Again:
		return fmt.Sprintf("%s messages were sent again", count(a.Again))
	case b.Rejected < a.Rejected || b.Rejected > a.Rejected+a.Unknown:
		return fmt.Sprintf("%s malformed messages were answered", count(a.Rejected))
	}
	return ""
}
